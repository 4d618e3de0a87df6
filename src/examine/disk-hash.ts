import type { ByteSource } from "../core/byte-source.ts";
import { SparseSha256 } from "../core/checksums.ts";
import { readWindows } from "../core/windows.ts";

/** What is hashed without being asked for, since it takes well under a second. */
export const smallDiskBytes = 128 * 1024 * 1024;

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
