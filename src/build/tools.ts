import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheHint, readIfThere, writeCached } from "../core/cache.ts";
import { canonicalDigest } from "../core/canonical-json.ts";
import { type Context, type StepProgress, step } from "../core/context.ts";
import { CloudimgError, errnoOf, fail } from "../core/errors.ts";
import { globMatcher } from "../core/glob.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { Tree } from "../core/tree.ts";
import { type Lock, lockSchema } from "./packages/lock-schema.ts";
import { openPackages } from "./packages/open.ts";
import type { PackageRequest } from "./packages/request.ts";
import { lockPackages } from "./packages/resolve.ts";
import { commandWords } from "./tools/command.ts";
import { writeTree } from "./tools/write-tree.ts";

/** Programs of Debian packages, unpacked on this host. */
export interface Tools {
  /** What would be `/` on a Debian system. */
  readonly directory: string;
  /** What to run for a program: its own loader with its own libraries, then the program; its arguments follow. Errors: `packages/no-command`. */
  command(name: string): string[];
}

const architectures: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "amd64",
  arm64: "arm64",
  riscv64: "riscv64",
};
const suite = "trixie";
/** Changes when what is unpacked, or how, changes. */
const layoutVersion = 1;

/**
 * Gets programs without installing them: resolves Debian packages with all that they depend on for this host's processor, and unpacks them into the cache. They run
 * by their own dynamic loader, so the host's release does not matter. The second time it takes milliseconds and no network.
 *
 * Errors: `host/unsupported` where the host is no Linux that Debian is made for; the family `packages`.
 */
export async function obtainTools(packageNames: readonly string[], context: Context): Promise<Tools> {
  const arch = architectures[process.arch];
  if (process.platform !== "linux" || arch === undefined)
    fail(
      "host/unsupported",
      `cannot obtain ${packageNames.join(", ")}: Debian's programs run only on Linux on a PC, ARM64 or RISC-V`,
      {
        hint: "install them yourself, and put them on PATH",
      },
    );
  const names = [...new Set(packageNames)].sort();
  const home = join(context.directories.cache, "tools");
  const lockFile = join(home, `${canonicalDigest({ names, arch, suite, layoutVersion })}.json`);
  const known = await readKnown(lockFile, context);
  const finished = known && directoryOf(home, known);
  if (finished !== undefined && existsSync(finished)) return toolsIn(finished);
  return await step(context, "tools.obtain", `Obtain ${names.join(", ")}`, async (progress) => {
    const quiet = quietly(context, progress);
    const request = requestFor(names, arch);
    const first = known ?? (await lockPackages(request, quiet));
    let lock = first;
    let trees: Map<string, Tree>;
    try {
      trees = await openPackages(lock, request, quiet);
    } catch (error) {
      // The archive has moved on since the packages were resolved.
      if (known === undefined || !(error instanceof CloudimgError) || error.code !== "packages/gone") throw error;
      lock = await lockPackages(request, quiet);
      trees = await openPackages(lock, request, quiet);
    }
    const directory = directoryOf(home, lock);
    await unpackTo(directory, trees, context);
    await writeCached(lockFile, context, [Buffer.from(JSON.stringify(lock))]);
    progress.note(`${lock.packages.length} packages`);
    return toolsIn(directory);
  });
}

function toolsIn(directory: string): Tools {
  return { directory, command: (name) => commandWords(directory, name) };
}

function directoryOf(home: string, lock: Lock): string {
  const digest = canonicalDigest({ layoutVersion, packages: lock.packages.map(({ name, sha256 }) => [name, sha256]) });
  return join(home, digest.slice(0, 32));
}

async function readKnown(path: string, context: Context): Promise<Lock | undefined> {
  const bytes = await readIfThere(path, context.signal);
  if (bytes === undefined) return undefined;
  try {
    return lockSchema.parse(JSON.parse(bytes.toString()));
  } catch {
    // Damaged, or of another version: resolve again.
    return undefined;
  }
}

function requestFor(names: readonly string[], arch: string): PackageRequest {
  return {
    arch,
    suite,
    components: ["main"],
    updates: true,
    security: true,
    include: names.map((name) => ({ name })),
    exclude: [],
    tools: [],
    allowExpired: false,
  };
}

/** Nobody reads manuals here, and they are half of the files. */
const useless = ["doc", "man", "info", "locale", "lintian", "bash-completion", "bug"]
  .map((name) => `/usr/share/${name}`)
  .concat("/var")
  .map((glob) => globMatcher(glob));

async function unpackTo(directory: string, trees: Map<string, Tree>, context: Context): Promise<void> {
  const all = new Tree();
  for (const tree of trees.values())
    for (const [path, node] of tree.entries())
      if (!useless.some((matches) => matches(path))) all.set(path, node, { replace: true });
  const temporary = `${directory}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  try {
    makeDirectory(temporary, { hint: cacheHint });
    await writeTree(all, temporary, context.signal);
    await rename(temporary, directory);
  } catch (error) {
    // Another run was faster: its directory is as good as ours.
    if (!["EEXIST", "ENOTEMPTY"].includes(errnoOf(error) ?? "")) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** One step for the watcher: of the work inside, the download's bytes are passed on, and what is logged. */
function quietly(context: Context, progress: StepProgress): Context {
  return {
    ...context,
    emit(event) {
      if (event.type === "log") context.emit(event);
      if (event.type === "step-progress" && event.id === "packages.download")
        progress.bytes(event.doneBytes, event.totalBytes);
    },
  };
}
