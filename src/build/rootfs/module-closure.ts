import { hash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { xz } from "@napi-rs/lzma";
import { type ByteSource, bytesSource, readAll } from "../../core/byte-source.ts";
import { contentDigest, rememberDigest } from "../../core/content-digest.ts";
import type { Context } from "../../core/context.ts";
import { CloudimgError, fail, type Problem, type Where } from "../../core/errors.ts";
import type { KeptBytes } from "../../core/kept-bytes.ts";
import { compareNames } from "../../core/names.ts";
import { didYouMean } from "../../core/near-names.ts";
import { mapParallel } from "../../core/parallel.ts";
import { splitPath, type Tree } from "../../core/tree.ts";
import { type ModuleInfo, moduleName, readModuleInfo } from "./module-info.ts";

/** The modules of one kernel, as its package has them. */
export interface ModuleCatalog {
  readonly tree: Tree;
  /** `/usr/lib/modules/VERSION` */
  readonly directory: string;
  /** Paths of the module files in the tree by name. */
  readonly paths: ReadonlyMap<string, string>;
  readonly builtin: ReadonlySet<string>;
}

export interface KernelModule extends ModuleInfo {
  readonly name: string;
  /** Below the modules' directory, without the ending of a compression: `kernel/fs/fat/vfat.ko`. */
  readonly path: string;
  /** Decompressed, with its signature. One source for all who put it somewhere, so that its digest is computed once. */
  readonly content: ByteSource;
}

/** A module that the profile asks for, and where it says so. */
export interface WantedModule {
  readonly name: string;
  readonly where?: Where | undefined;
}

const moduleFile = /^(.+\.ko)(?:\.(xz|zst|gz))?$/;

export function readCatalog(tree: Tree, version: string): ModuleCatalog {
  const directory = `/usr/lib/modules/${version}`;
  const paths = new Map<string, string>();
  for (const [path, node] of tree.entries(directory))
    if (node.type === "file" && moduleFile.test(path)) paths.set(nameOf(path), path);
  const list = tree.get(`${directory}/modules.builtin`);
  const lines = list?.type === "file" ? Buffer.from(readAll(list.content)).toString("utf8").split("\n") : [];
  return { tree, directory, paths, builtin: new Set(lines.filter((line) => line !== "").map(nameOf)) };
}

/**
 * The modules with all that they depend on, decompressed, sorted by name. What is built into the kernel is there already and not among them.
 *
 * Errors: `image/unknown-module` for each wanted name that the kernel does not have.
 */
export async function closeModules(
  catalog: ModuleCatalog,
  wanted: readonly WantedModule[],
  context: Pick<Context, "jobs" | "signal">,
  kept?: KeptBytes,
): Promise<Map<string, KernelModule>> {
  const { paths, builtin } = catalog;
  const problems: Problem[] = [];
  for (const { name, where } of wanted)
    if (!paths.has(moduleName(name)) && !builtin.has(moduleName(name)))
      problems.push({
        code: "image/unknown-module",
        message: `cannot install the kernel module ${name}: the kernel ${splitPath(catalog.directory).name} has no such module`,
        hint: didYouMean(name, [...paths.keys(), ...builtin]) ?? "leave it out, or choose another kernel package",
        where,
      });
  if (problems.length > 0) throw new CloudimgError(problems);

  const found = new Map<string, KernelModule>();
  const asked = new Set<string>();
  let pending = wanted.map(({ name }) => moduleName(name));
  while (pending.length > 0) {
    const names = [...new Set(pending)].filter((name) => paths.has(name) && !asked.has(name));
    for (const name of names) asked.add(name);
    const read = await mapParallel(names, context.jobs, (name) => readModule(catalog, name, context.signal, kept));
    for (const module of read) found.set(module.name, module);
    pending = read.flatMap((module) => [
      ...module.depends,
      ...softNames(module).map((soft) => implementation(soft, paths)),
    ]);
  }
  return new Map([...found].sort(([a], [b]) => compareNames(a, b)));
}

/** What is to be loaded before a module, in order, and then itself: what modprobe would do. */
export function loadOrder(modules: ReadonlyMap<string, KernelModule>, name: string): KernelModule[] {
  const order: KernelModule[] = [];
  const seen = new Set<string>();
  const visit = (at: string): void => {
    const module = modules.get(moduleName(at));
    if (module === undefined || seen.has(module.name)) return;
    seen.add(module.name);
    const soft = (when: "pre" | "post") => softNames(module, when).map((each) => implementation(each, modules));
    for (const before of [...module.depends, ...soft("pre")]) visit(before);
    order.push(module);
    for (const after of soft("post")) visit(after);
  };
  visit(name);
  return order;
}

/** modprobe.d(5): `pre: a b post: c`. */
function softNames({ softdeps }: ModuleInfo, when?: "pre" | "post"): string[] {
  const names: string[] = [];
  for (const text of softdeps) {
    let current = "";
    for (const word of text.split(/\s+/).filter((part) => part !== ""))
      if (word.endsWith(":")) current = word.slice(0, -1);
      else if (when === undefined || current === when) names.push(moduleName(word));
  }
  return names;
}

/**
 * Soft dependencies may name an algorithm instead of a module (ext4: `pre: crypto-crc32c`); what implements it on every processor has the ending `_generic`
 * (Linux, crypto/).
 */
function implementation(name: string, modules: { has(name: string): boolean }): string {
  const algorithm = name.replace(/^crypto_/, "");
  return [name, algorithm, `${algorithm}_generic`].find((each) => modules.has(each)) ?? name;
}

async function readModule(
  { tree, directory, paths }: ModuleCatalog,
  name: string,
  signal: AbortSignal,
  kept: KeptBytes | undefined,
) {
  signal.throwIfAborted();
  const path = paths.get(name) as string;
  const node = tree.get(path);
  const [, plain = path, compression] = moduleFile.exec(path) ?? [];
  try {
    if (node?.type !== "file") throw new SyntaxError("it is no file");
    const { bytes, sha256 } = await decompressed(node.content, compression, kept);
    const content = bytesSource(bytes);
    rememberDigest(content, sha256);
    return { ...readModuleInfo(bytes), name, path: plain.slice(directory.length + 1), content };
  } catch (error) {
    return fail("image/no-kernel", `cannot use the kernel module ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function decompressed(
  content: ByteSource,
  compression: string | undefined,
  kept: KeptBytes | undefined,
): Promise<{ readonly bytes: Buffer; readonly sha256: string }> {
  const packedSha256 = contentDigest(content);
  if (compression === undefined) return { bytes: Buffer.from(readAll(content)), sha256: packedSha256 };
  const known = kept?.get("kernel-modules", packedSha256);
  if (known !== undefined) {
    const bytes = Buffer.from(known.buffer, known.byteOffset, known.length);
    return { bytes: bytes.subarray(0, -digestBytes), sha256: bytes.toString("hex", bytes.length - digestBytes) };
  }
  const bytes = await decompress(readAll(content), compression);
  const sha256 = hash("sha256", bytes);
  kept?.put("kernel-modules", packedSha256, Buffer.concat([bytes, Buffer.from(sha256, "hex")]));
  return { bytes, sha256 };
}

/** Behind the bytes of a module that is kept: their SHA-256, which takes longer to compute than to read them. */
const digestBytes = 32;

async function decompress(packed: Uint8Array, compression: string): Promise<Buffer> {
  switch (compression) {
    case "xz":
      return await xz.decompress(packed);
    case "zst":
      return await promisify(zstdDecompress)(packed);
    case "gz":
      return await promisify(gunzip)(packed);
    default:
      throw new TypeError(`not a compression of modules: ${compression}`);
  }
}

function nameOf(path: string): string {
  const { name } = splitPath(path);
  return moduleName(name.slice(0, name.indexOf(".ko")));
}
