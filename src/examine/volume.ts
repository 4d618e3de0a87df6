import type { ReadFileSystem } from "../build/filesystems/filesystem-reader.ts";
import { fileSystemReaders } from "../build/filesystems/readers.ts";
import type { ByteSource } from "../core/byte-source.ts";
import { CloudimgError, type Problem } from "../core/errors.ts";
import { foreignKind } from "./foreign-kinds.ts";

/** A place on a disk that may hold a file system: a partition, or the whole of it. */
export interface Volume {
  /** The partition's number; undefined for the whole disk. */
  readonly number: number | undefined;
  /** Where on the disk it begins. */
  readonly startBytes: number;
  readonly source: ByteSource;
  /** The reader that knows it (`ext4`, `fat`, …), or what else it is (`xfs`, `LUKS`); undefined if nothing is recognised. */
  readonly kind: string | undefined;
  /** Whether we can read it at all, as far as its first bytes tell. */
  readonly isReadable: boolean;
  /** Reads it, once. Undefined if no reader knows it. Errors: `image/damaged`, `image/unsupported`. */
  open(): ReadFileSystem | undefined;
  /** As `open`, but what is wrong is told, not thrown. */
  tryOpen(): { readonly fileSystem?: ReadFileSystem | undefined; readonly problem?: Problem | undefined };
}

/** @param partition undefined: the whole disk */
export function openVolume(
  source: ByteSource,
  partition: { readonly number: number; readonly startBytes: number } | undefined,
): Volume {
  const reader = fileSystemReaders.find(({ detect }) => detect(source));
  let read: { readonly fileSystem: ReadFileSystem } | { readonly error: unknown } | undefined;
  const open = (): ReadFileSystem | undefined => {
    if (reader === undefined) return undefined;
    read ??= attempt(() => reader.read(source));
    if ("error" in read) throw read.error;
    return read.fileSystem;
  };
  return {
    ...{ number: partition?.number, startBytes: partition?.startBytes ?? 0, source, open },
    kind: reader?.name ?? foreignKind(source),
    isReadable: reader !== undefined,
    tryOpen() {
      try {
        return { fileSystem: open() };
      } catch (error) {
        if (error instanceof CloudimgError) return { problem: error.problems[0] };
        throw error;
      }
    },
  };
}

/** `partition 2`, `the disk`: for messages. */
export function volumeName({ number }: Pick<Volume, "number">): string {
  return number === undefined ? "the disk" : `partition ${number}`;
}

function attempt(work: () => ReadFileSystem): { readonly fileSystem: ReadFileSystem } | { readonly error: unknown } {
  try {
    return { fileSystem: work() };
  } catch (error) {
    return { error };
  }
}
