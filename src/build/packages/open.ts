import { statSync } from "node:fs";
import { contentPath, readContent } from "../../core/cache.ts";
import { type Context, type StepProgress, step } from "../../core/context.ts";
import { CloudimgError, fail } from "../../core/errors.ts";
import { formatBytes } from "../../core/format.ts";
import { globMatcher } from "../../core/glob.ts";
import { nearNames } from "../../core/near-names.ts";
import { type Limiter, limiter, mapParallel } from "../../core/parallel.ts";
import { Tree } from "../../core/tree.ts";
import { mergeUsr } from "../../core/usr-merge.ts";
import { fetchVerified } from "./archive.ts";
import { treeOfTar, unpackMember } from "./deb.ts";
import { readLocalPackage } from "./local-packages.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import { findMirrors, type Mirrors } from "./mirrors.ts";
import type { PackageRequest } from "./request.ts";
import { unpackedTree } from "./unpacked.ts";

const downloadsAtOnce = 8;

/** What is needed of a request to open a lock: where to fetch from. */
export type OpenRequest = Pick<PackageRequest, "mirror" | "securityMirror" | "suite" | "local">;

/**
 * The trees of all locked packages by name, in the lock's order: downloaded if they are not in the cache, verified, unpacked, and cut down to the `files` asked for.
 * With everything in the cache nothing is fetched, and no mirror needs to be known.
 */
export async function openPackages(lock: Lock, request: OpenRequest, context: Context): Promise<Map<string, Tree>> {
  await step(context, "packages.download", "Download packages", (progress) =>
    downloadAll(lock, request, context, progress),
  );
  return await step(context, "packages.unpack", "Unpack packages", (progress) =>
    unpackAll(lock, request, context, progress),
  );
}

async function downloadAll(lock: Lock, request: OpenRequest, context: Context, progress: StepProgress): Promise<void> {
  const missing: LockedPackage[] = [];
  for (const locked of lock.packages) if (locked.archive !== "local" && !isThere(locked, context)) missing.push(locked);
  if (missing.length === 0) {
    progress.cached();
    return;
  }
  const mirrors = await findMirrors(request, context);
  const totalBytes = missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let doneBytes = 0;
  progress.bytes(0, totalBytes);
  await mapParallel(largestFirst(missing), downloadsAtOnce, async (locked) => {
    await fetchPackage(locked, mirrors, context, (lengthBytes) => {
      doneBytes += lengthBytes;
      progress.bytes(doneBytes, totalBytes);
    });
  });
  progress.note(`${missing.length} packages, ${formatBytes(totalBytes)}`);
}

/** Whether it looks as if it need not be fetched; its digest is checked when it is read. */
function isThere(locked: LockedPackage, context: Context): boolean {
  return statSync(contentPath(context, locked.sha256), { throwIfNoEntry: false })?.size === locked.sizeBytes;
}

/** From the first mirror that has it: of several that apt knows, not each keeps every suite. */
async function fetchPackage(
  locked: LockedPackage,
  mirrors: Mirrors,
  context: Context,
  onBytes: (lengthBytes: number) => void,
): Promise<Buffer> {
  let gone: unknown;
  for (const base of locked.archive === "local" ? [] : mirrors[locked.archive]) {
    try {
      return await fetchVerified(`${base}/${locked.path}`, locked, "packages/bad-package", context, onBytes);
    } catch (error) {
      if (!(error instanceof CloudimgError) || error.code !== "packages/gone") throw error;
      gone ??= error;
    }
  }
  throw gone;
}

async function unpackAll(
  lock: Lock,
  request: OpenRequest,
  context: Context,
  progress: StepProgress,
): Promise<Map<string, Tree>> {
  const totalBytes = lock.packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const limit = limiter(context.jobs);
  const trees = new Map<string, Tree>();
  let doneBytes = 0;
  await mapParallel(largestFirst(lock.packages), context.jobs + 1, async (locked) => {
    context.signal.throwIfAborted();
    trees.set(locked.name, await openPackage(locked, request, context, limit));
    doneBytes += locked.sizeBytes;
    progress.bytes(doneBytes, totalBytes);
  });
  return new Map(lock.packages.map(({ name }) => [name, trees.get(name) as Tree]));
}

async function openPackage(
  locked: LockedPackage,
  request: OpenRequest,
  context: Context,
  limit: Limiter,
): Promise<Tree> {
  const archive = { kind: "deb", sha256: locked.sha256, origin: `package ${locked.name}` } as const;
  const tree = await unpackedTree(archive, context, async () => {
    const tar = await unpack(locked, request, context, limit);
    return explainDamage(locked, () => treeOfTar(tar, locked.name));
  });
  return locked.files === undefined ? tree : selectFiles(tree, locked, locked.files);
}

async function unpack(locked: LockedPackage, request: OpenRequest, context: Context, limit: Limiter): Promise<Buffer> {
  const deb =
    locked.archive === "local"
      ? readLocalPackage(request.local ?? [], locked.sha256, locked.name)
      : ((await readContent(context, locked.sha256)) ??
        (await fetchPackage(locked, await findMirrors(request, context), context, () => {})));
  try {
    return await unpackMember(deb, "data", limit);
  } catch (error) {
    context.signal.throwIfAborted();
    return explainDamage(locked, () => {
      throw error;
    });
  }
}

function explainDamage<T>(locked: LockedPackage, work: () => T): T {
  try {
    return work();
  } catch (error) {
    return fail("packages/damaged", `cannot unpack ${locked.name} ${locked.version}: ${(error as Error).message}`, {
      hint: "the archive has signed a damaged package: ask for another version of it",
      cause: error,
    });
  }
}

/** The paths that patterns select, with the attributes of the directories above them. */
function selectFiles(tree: Tree, locked: LockedPackage, patterns: readonly string[]): Tree {
  const selected = new Tree();
  const paths = [...tree.entries()].filter(([path]) => path !== "/");
  for (const pattern of patterns) {
    const matches = globMatcher(mergeUsr(pattern));
    const found = paths.filter(([path]) => matches(path));
    if (found.length === 0)
      failNoSuchFile(
        locked,
        pattern,
        paths.map(([path]) => path),
      );
    for (const [path, node] of found) {
      for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) {
        const parent = path.slice(0, slash);
        const directory = tree.get(parent);
        if (directory !== undefined && !selected.has(parent)) selected.set(parent, directory);
      }
      selected.set(path, node);
    }
  }
  return selected;
}

function failNoSuchFile(locked: LockedPackage, pattern: string, paths: readonly string[]): never {
  const name = pattern.slice(pattern.lastIndexOf("/") + 1);
  const sameName = paths.filter((path) => path.endsWith(`/${name}`));
  const near = [...new Set([...sameName, ...nearNames(pattern, paths)])].slice(0, 3);
  fail(
    "packages/no-such-file",
    `cannot take ${pattern} from the package ${locked.name} ${locked.version}: it has no such path`,
    {
      hint:
        near.length > 0
          ? `did you mean ${near.join(" or ")}?`
          : `its files are listed by dpkg -L ${locked.name} on a Debian host`,
    },
  );
}

function largestFirst(packages: readonly LockedPackage[]): LockedPackage[] {
  return [...packages].sort((a, b) => b.sizeBytes - a.sizeBytes || (a.name < b.name ? -1 : 1));
}
