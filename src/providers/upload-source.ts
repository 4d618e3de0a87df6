import { type FileHandle, open } from "node:fs/promises";
import { errnoOf, fail } from "../core/errors.ts";

/** The file that is uploaded, open all the while: should another take its name, this one is still what was hashed. */
export interface UploadSource {
  /** When the file was last written, as the file system knows it. */
  readonly writtenNs: string;
  /** Fills the buffer from the offset. */
  read(buffer: Buffer, offsetBytes: number): Promise<void>;
  /** Errors: `cloud/store-file-changed`. */
  checkUnchanged(): Promise<void>;
  close(): Promise<void>;
}

/** Errors: `image/not-found`, `host/io`, `cloud/store-file-changed` when it is not as large as it should be. */
export async function openSource(path: string, sizeBytes: number): Promise<UploadSource> {
  const changed = (reason: string): never =>
    fail("cloud/store-file-changed", `cannot upload ${path}: ${reason}`, {
      hint: "wait until nothing writes to the file any more, and run the command again",
    });
  const file = await open(path, "r").catch((cause: unknown) =>
    fail("image/not-found", `cannot upload ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause }),
  );
  try {
    const first = await facts(file);
    if (first.sizeBytes !== sizeBytes)
      changed(`it has ${first.sizeBytes} bytes, and had ${sizeBytes} when it was hashed`);
    return {
      writtenNs: first.writtenNs,
      async read(buffer, offsetBytes) {
        for (let done = 0; done < buffer.length; ) {
          const { bytesRead } = await file
            .read(buffer, done, buffer.length - done, offsetBytes + done)
            .catch((cause: unknown) =>
              fail("host/io", `cannot read ${path}: ${errnoOf(cause) ?? cause}`, {
                hint: "the disk may be failing; try to copy the file",
                cause,
              }),
            );
          if (bytesRead === 0) changed(`it became shorter than ${offsetBytes + buffer.length} bytes meanwhile`);
          done += bytesRead;
        }
      },
      async checkUnchanged() {
        const now = await facts(file);
        if (now.sizeBytes !== first.sizeBytes || now.writtenNs !== first.writtenNs)
          changed("it was written to meanwhile");
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function facts(file: FileHandle): Promise<{ sizeBytes: number; writtenNs: string }> {
  const { size, mtimeNs } = await file.stat({ bigint: true });
  return { sizeBytes: Number(size), writtenNs: String(mtimeNs) };
}
