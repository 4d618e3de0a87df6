import type { ByteSource } from "../core/byte-source.ts";
import { SparseSha256 } from "../core/checksums.ts";
import { CloudimgError } from "../core/errors.ts";
import { readWindows } from "../core/windows.ts";

/** What is hashed without being asked for, since it takes well under a second. */
const smallDiskBytes = 128 * 1024 * 1024;

/** The identity of an image: SHA-256 of its raw disk, whatever the format of the file. */
export async function diskSha256(
  disk: ByteSource,
  signal: AbortSignal,
  progress?: (doneBytes: number, totalBytes: number) => void,
): Promise<string> {
  const hash = new SparseSha256();
  await readWindows(disk, {
    windowBytes: 1024 * 1024,
    signal,
    progress,
    use(window) {
      if (window.type === "data") hash.update(window.bytes);
      else hash.updateZeros(window.lengthBytes);
    },
  });
  return hash.digest();
}

/** As `diskSha256`, of disks that are small; undefined for others, and where something cannot be read: that must not keep the rest from being told. */
export async function smallDiskSha256(disk: ByteSource, signal: AbortSignal): Promise<string | undefined> {
  if (disk.sizeBytes > smallDiskBytes) return undefined;
  try {
    return await diskSha256(disk, signal);
  } catch (error) {
    if (error instanceof CloudimgError) return undefined;
    throw error;
  }
}
