import { join } from "node:path";
import { readIfThere, writeCached } from "../../core/cache.ts";
import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import { type Limiter, limiter } from "../../core/parallel.ts";
import { fetchIndex, type Suite } from "./archive.ts";
import { type Compression, compressionOf, decompress } from "./decompress.ts";
import type { ArchiveName } from "./mirrors.ts";
import { IndexBuilder, openIndex, type PackageIndex, type PackageRecord } from "./package-index.ts";
import { parseRelations } from "./relation.ts";
import { compareVersions } from "./version.ts";
import { decodeXzBlock, xzBlocks } from "./xz.ts";

/** A package that can be had, and where. */
export interface Candidate extends PackageRecord {
  readonly archive: ArchiveName | "local";
}

/** All packages of all suites of a request. */
export interface Universe {
  readonly arch: string;
  /** Versions of a package, newest first; equal ones in the order of the suites. */
  candidates(name: string): readonly Candidate[];
  /** Packages that provide a virtual package, all versions, by name, then newest first. */
  providers(virtual: string): readonly { readonly candidate: Candidate; readonly version: string | undefined }[];
  names(): string[];
}

/** Loads the indexes of all suites and components, from the cache where it has them. */
export async function loadUniverse(
  suites: readonly Suite[],
  components: readonly string[],
  arch: string,
  context: Context,
  onBytes: (doneBytes: number, totalBytes: number) => void,
): Promise<Universe> {
  const wanted = suites.flatMap((suite) => components.map((component) => findIndexFile(suite, component, arch)));
  const totalBytes = wanted.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  let doneBytes = 0;
  const limit = limiter(context.jobs);
  const indexes = await Promise.all(
    wanted.map(async (source) => ({
      archive: source.suite.archive,
      index: await loadIndex(source, context, limit, (lengthBytes) => {
        doneBytes += lengthBytes;
        onBytes(doneBytes, totalBytes);
      }),
    })),
  );
  return makeUniverse(indexes, arch);
}

/** Text of this size still dies young in V8; larger strings wait for a full collection, and the index is 56 MB. */
const pieceBytes = 16 * 1024;

interface IndexFile {
  readonly suite: Suite;
  readonly path: string;
  readonly compression: Compression;
  readonly file: { readonly sha256: string; readonly sizeBytes: number };
}

function findIndexFile(suite: Suite, component: string, arch: string): IndexFile {
  for (const suffix of [".xz", ".gz", ""]) {
    const path = `${component}/binary-${arch}/Packages${suffix}`;
    const file = suite.release.files.get(path);
    if (file !== undefined) return { suite, path, file, compression: compressionOf(path) ?? "none" };
  }
  const { components, architectures } = suite.release;
  // The security archive calls its components updates/main, but keeps them under main.
  const known = components.map((name) => name.replace(/^updates\//, ""));
  fail("packages/no-component", `cannot read ${component} for ${arch} of the suite ${suite.suite}: it has none`, {
    hint: `it has the components ${known.join(", ")} for ${architectures.join(", ")}`,
  });
}

async function loadIndex(
  source: IndexFile,
  context: Context,
  limit: Limiter,
  onBytes: (n: number) => void,
): Promise<PackageIndex> {
  const path = join(context.directories.cache, "indexes", `${source.file.sha256}.1`);
  const cached = await readIfThere(path, context.signal);
  const opened = cached && openIndex(cached);
  if (opened !== undefined) {
    onBytes(source.file.sizeBytes);
    return opened;
  }
  let seenBytes = 0;
  const bytes = await fetchIndex(source.suite, source.path, source.file, context, (lengthBytes) => {
    seenBytes += lengthBytes;
    onBytes(lengthBytes);
  });
  onBytes(source.file.sizeBytes - seenBytes);
  const compact = await parseIndex(bytes, source, context, limit);
  await writeCached(path, context, [compact]);
  return openIndex(compact) as PackageIndex;
}

async function parseIndex(bytes: Buffer, source: IndexFile, context: Context, limit: Limiter): Promise<Buffer> {
  const builder = new IndexBuilder();
  try {
    for await (const piece of pieces(bytes, source.compression, limit)) {
      context.signal.throwIfAborted();
      builder.add(piece);
    }
    return builder.finish();
  } catch (error) {
    context.signal.throwIfAborted();
    fail(
      "packages/bad-index",
      `cannot read ${source.path} of the suite ${source.suite.suite}: ${(error as Error).message}`,
      {
        hint: "the archive has signed a damaged index: try another mirror, or later",
        cause: error,
      },
    );
  }
}

/** The decoded index in pieces that are small enough to be turned into text: an xz file block by block, the next one decoding while one is parsed. */
async function* pieces(bytes: Buffer, compression: Compression, limit: Limiter): AsyncIterableIterator<Buffer> {
  const blocks = compression === "xz" ? xzBlocks(bytes) : [];
  const decode = (index: number): Promise<Buffer> | undefined => {
    const block = blocks[index];
    const job = block && limit(() => decodeXzBlock(bytes, block));
    // It is awaited later; until then its failure must not count as unhandled.
    job?.catch(() => {});
    return job;
  };
  let next = compression === "xz" ? decode(0) : decompress(bytes, compression, limit);
  for (let index = 1; next !== undefined; index++) {
    const whole = await next;
    next = decode(index);
    for (let at = 0; at < whole.length; at += pieceBytes) yield whole.subarray(at, at + pieceBytes);
  }
}

/** Puts indexes together; of equal versions the one of the earlier index counts. */
export function makeUniverse(
  indexes: readonly { readonly archive: ArchiveName; readonly index: PackageIndex }[],
  arch: string,
): Universe {
  const cache = new Map<string, readonly Candidate[]>();
  const candidates = (name: string): readonly Candidate[] => {
    let found = cache.get(name);
    if (found === undefined) {
      found = indexes
        .flatMap(({ archive, index }) => index.find(name).map((record) => ({ ...record, archive })))
        .filter((candidate) => candidate.architecture === arch || candidate.architecture === "all")
        .sort((a, b) => compareVersions(b.version, a.version));
      cache.set(name, found);
    }
    return found;
  };
  return {
    arch,
    candidates,
    providers(virtual) {
      const names = [...new Set(indexes.flatMap(({ index }) => index.providers(virtual)))].sort();
      return names.flatMap((name) =>
        candidates(name).flatMap((candidate) =>
          providedBy(candidate, arch)
            .filter(({ name }) => name === virtual)
            .map(({ version }) => ({ candidate, version })),
        ),
      );
    },
    names: () => [...new Set(indexes.flatMap(({ index }) => index.names()))].sort(),
  };
}

function providedBy({ provides }: Candidate, arch: string): { name: string; version: string | undefined }[] {
  return parseRelations(provides, arch)
    .flat()
    .map(({ name, version }) => ({ name, version: version?.version }));
}

/** The archives' packages with local ones in the place of those of the same names, whatever the versions. */
export function withLocal(universe: Universe, local: readonly Candidate[]): Universe {
  const byName = new Map(local.map((candidate) => [candidate.name, candidate]));
  return {
    arch: universe.arch,
    candidates: (name) => {
      const own = byName.get(name);
      return own === undefined ? universe.candidates(name) : [own];
    },
    providers: (virtual) => [
      ...local.flatMap((candidate) =>
        providedBy(candidate, universe.arch)
          .filter(({ name }) => name === virtual)
          .map(({ version }) => ({ candidate, version })),
      ),
      ...universe.providers(virtual).filter(({ candidate }) => !byName.has(candidate.name)),
    ],
    names: () => [...new Set([...byName.keys(), ...universe.names()])].sort(),
  };
}
