import type { ReadFileSystem } from "../build/filesystems/filesystem-reader.ts";
import { CloudimgError } from "../core/errors.ts";
import { differentRanges, firstDifference, type Ranges } from "./compare-bytes.ts";
import { type Change, changed, compareTrees, type PathDifference, type TreeOptions } from "./compare-trees.ts";
import type { Volume } from "./volume.ts";

/** In what two partitions, or two whole disks, differ. */
export interface VolumeDifference {
  /** Undefined: the whole disk. */
  readonly partition: number | undefined;
  /** What is in it, if both have the same. */
  readonly kind: string | undefined;
  readonly changes: readonly Change[];
  readonly paths: readonly PathDifference[];
  /** The first byte that differs where everything that the file system tells is the same: only where things lie in it differs. */
  readonly layoutDiffersAtBytes?: number | undefined;
  /** What cannot be read as a file system is compared byte by byte. */
  readonly bytes?: Ranges | undefined;
  /** Why it was not compared as a file system. */
  readonly problems: readonly string[];
}

const mostRanges = 32;

/** Undefined if they are equal. One that only one image has is told of with its partition, or by what the table's kind says. */
export async function compareVolumes(
  a: Volume | undefined,
  b: Volume | undefined,
  options: TreeOptions,
): Promise<VolumeDifference | undefined> {
  if (a === undefined || b === undefined) return undefined;
  const partition = a.number;
  const kind = a.kind === b.kind ? a.kind : undefined;
  const base = { partition, kind, changes: [], paths: [], problems: [] };
  // Equal bytes need no reading of file systems, and unequal ones differ early: their times and ids are at the start.
  const rawDifference = await comparedBytes(() => firstDifference(a.source, b.source, options.signal));
  if (rawDifference.found === undefined && rawDifference.problem === undefined) return undefined;
  const [openedA, openedB] = [a.tryOpen(), b.tryOpen()];
  const problems = [
    ...(openedA.problem === undefined ? [] : [`in the first image: ${openedA.problem.message}`]),
    ...(openedB.problem === undefined ? [] : [`in the second image: ${openedB.problem.message}`]),
  ];
  if (openedA.fileSystem === undefined || openedB.fileSystem === undefined) {
    const bytes = await comparedBytes(() => differentRanges(a.source, b.source, options.signal, mostRanges));
    return {
      ...base,
      changes: changed("content", a.kind ?? "unknown", b.kind ?? "unknown"),
      bytes: bytes.found,
      problems: [...problems, ...(bytes.problem === undefined ? [] : [bytes.problem])],
    };
  }
  const { type } = openedA.fileSystem;
  const changes = fileSystemChanges(openedA.fileSystem, openedB.fileSystem);
  const paths = await compareTrees(openedA.fileSystem.tree, openedB.fileSystem.tree, options);
  const isLayout = changes.length === 0 && paths.length === 0;
  return {
    ...{ ...base, changes, paths },
    ...(type === openedB.fileSystem.type && { kind: type }),
    ...(isLayout && rawDifference.found !== undefined && { layoutDiffersAtBytes: rawDifference.found }),
    problems: rawDifference.problem === undefined || !isLayout ? [] : [rawDifference.problem],
  };
}

/** What came out, or why it could not be read. */
async function comparedBytes<T>(work: () => Promise<T>): Promise<{ found?: T; problem?: string }> {
  try {
    return { found: await work() };
  } catch (error) {
    if (error instanceof CloudimgError) return { problem: error.message };
    throw error;
  }
}

function fileSystemChanges(a: ReadFileSystem, b: ReadFileSystem): Change[] {
  const missing = (from: ReadFileSystem, in_: ReadFileSystem) =>
    from.features.filter((name) => !in_.features.includes(name));
  return [
    ...changed("type", a.type, b.type),
    ...changed("label", a.label, b.label),
    ...changed("UUID", a.uuid, b.uuid),
    ...changed("size", a.sizeBytes, b.sizeBytes),
    ...changed("free", a.freeBytes, b.freeBytes),
    ...missing(a, b).map((name) => ({ what: "feature", a: name })),
    ...missing(b, a).map((name) => ({ what: "feature", b: name })),
    ...pairChanges(a.details, b.details),
    ...changed("problems", a.problems.join("; "), b.problems.join("; ")),
  ];
}

/** Pairs of a name and a value, by name; of names that occur several times, all values together. */
export function pairChanges(
  a: readonly (readonly [name: string, value: string])[],
  b: readonly (readonly [name: string, value: string])[],
): Change[] {
  const together = (pairs: typeof a, wanted: string) => {
    const values = pairs.filter(([name]) => name === wanted).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join("; ");
  };
  const names = new Set([...a, ...b].map(([name]) => name));
  return [...names].flatMap((name) => changed(name, together(a, name), together(b, name)));
}
