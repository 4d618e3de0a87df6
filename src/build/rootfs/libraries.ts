import { createHash } from "node:crypto";
import { contentDigest, knownDigest } from "../../core/content-digest.ts";
import { CloudimgError, type Problem } from "../../core/errors.ts";
import type { KeptBytes } from "../../core/kept-bytes.ts";
import { type FileNode, splitPath, type Tree } from "../../core/tree.ts";
import { type ElfFile, isElf, readElf } from "./elf.ts";

/** Debian's name for the libraries' directory of each machine (`e_machine` and width); `$LIB` in an RPATH stands for it too. */
const triplets: Readonly<Record<string, string>> = {
  "62/64": "x86_64-linux-gnu",
  "62/32": "x86_64-linux-gnux32",
  "3/32": "i386-linux-gnu",
  "183/64": "aarch64-linux-gnu",
  "40/32": "arm-linux-gnueabihf",
  "243/64": "riscv64-linux-gnu",
};

/**
 * Checks that every executable and shared object of the image finds its loader and its libraries, as ld.so(8) would look for them. /etc/ld.so.conf has no say: it is
 * read by ldconfig alone, into a cache that the image does not have, and the loader's own directories are enough for all of Debian.
 *
 * A library that lacks another is no problem if that one is elsewhere in the image: who loads the first has then loaded the second (plug-ins do so).
 *
 * Errors: `image/missing-library` for each file and library, all of them.
 *
 * @param kept what was found to be right before need not be read again
 */
export function checkLibraries(tree: Tree, kept?: KeptBytes): void {
  const inputs = kept && { recipe, sha256: filesDigest(tree) };
  if (kept?.get("libraries", inputs) !== undefined) return;
  checkAll(tree);
  kept?.put("libraries", inputs, new Uint8Array());
}

/** Part of the name in the cache: raise it when the check finds other things. */
const recipe = 2;

/** All that the check depends on: paths, programs, and where links lead. */
function filesDigest(tree: Tree): string {
  const hash = createHash("sha256");
  for (const [path, node] of tree.entries()) {
    const detail = node.type === "file" ? fileDetail(node) : node.type === "symlink" ? `> ${node.target}` : node.type;
    hash.update(`${path}\0${detail}\0`);
  }
  return hash.digest("hex");
}

/** A text of the profile may change without a new check. What packages have is not looked into: their indexes know its digest. */
function fileDetail({ content }: FileNode): string {
  return knownDigest(content) ?? (isElf(content) ? contentDigest(content) : "no program");
}

function checkAll(tree: Tree): void {
  const elves = new Map<string, ElfFile>();
  const problems: Problem[] = [];
  for (const [path, node] of tree.entries()) {
    if (node.type !== "file") continue;
    try {
      const elf = readElf(node.content);
      if (elf !== undefined) elves.set(path, elf);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const message = `cannot read the executable ${path} (from ${node.origin}): ${error.message}`;
      problems.push({ code: "image/missing-library", message });
    }
  }
  const names = new Set([...elves].map(([path, elf]) => `${splitPath(path).name} ${kindOf(elf)}`));
  for (const [path, elf] of elves) {
    const origin = tree.get(path)?.origin ?? "";
    const { interpreter } = elf;
    if (interpreter !== undefined && tree.resolve(interpreter) === undefined)
      problems.push(missing(path, origin, "the program loader", interpreter, "libc6"));
    for (const library of elf.needed) {
      if (isFound(tree, elves, path, elf, library)) continue;
      if (interpreter === undefined && names.has(`${library} ${kindOf(elf)}`)) continue;
      problems.push(missing(path, origin, "the library", library, packageOf(library)));
    }
  }
  if (problems.length > 0) throw new CloudimgError(problems);
}

function isFound(
  tree: Tree,
  elves: ReadonlyMap<string, ElfFile>,
  path: string,
  elf: ElfFile,
  library: string,
): boolean {
  const fits = (candidate: string) => {
    const real = tree.resolve(candidate);
    const other = real === undefined ? undefined : elves.get(real);
    return other !== undefined && kindOf(other) === kindOf(elf);
  };
  if (library.includes("/")) return fits(library);
  const triplet = triplets[kindOf(elf)];
  const own = (elf.runpath.length > 0 ? elf.runpath : elf.rpath).map((directory) =>
    directory.replace(/\$(ORIGIN|\{ORIGIN\})/g, splitPath(path).dir).replace(/\$(LIB|\{LIB\})/g, `lib/${triplet}`),
  );
  const standard = triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`];
  return [...own, ...standard, "/lib", "/usr/lib"].some((directory) => fits(`${directory}/${library}`));
}

function kindOf({ machine, bits }: ElfFile): string {
  return `${machine}/${bits}`;
}

function missing(path: string, origin: string, what: string, name: string, packageName: string): Problem {
  return {
    code: "image/missing-library",
    message: `cannot run ${path} (from ${origin}): ${what} ${name} is not in the image`,
    hint: `add the package that has it (by its name: ${packageName}) to packages.include, or leave out what needs it`,
  };
}

/** Debian Policy 8.1: libfoo.so.1 is in libfoo1, libfoo2.so.1 in libfoo2-1. The transition to 64-bit times renamed some to libfoo1t64. */
function packageOf(library: string): string {
  const [, stem = library, version = ""] = /^(.+?)\.so(?:\.(.+))?$/.exec(library) ?? [];
  if (/^(ld-linux.*|libc|libm|libdl|libpthread|librt|libresolv|libutil)$/.test(stem)) return "libc6";
  const base = stem.toLowerCase().replaceAll("_", "-");
  const name = version === "" ? base : /\d$/.test(base) ? `${base}-${version}` : `${base}${version}`;
  return `${name} or ${name}t64`;
}
