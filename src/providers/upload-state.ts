import { readFileSync, rmSync } from "node:fs";
import { z } from "zod";
import { writeAt, writeOutput } from "../core/output.ts";

const schema = z.object({
  version: z.literal(1),
  host: z.string(),
  bucket: z.string(),
  key: z.string(),
  uploadId: z.string(),
  sha256: z.string(),
  sizeBytes: z.number(),
  partSizeBytes: z.number(),
  /** Of the file, when the parts were read. */
  writtenNs: z.string(),
  /** Number of the part → ETag, as the store has answered it. */
  parts: z.record(z.string(), z.string()),
});

/** What is known of an unfinished upload. It holds no secrets. */
export type UploadState = z.infer<typeof schema>;

/** Nothing, if there is no state or it is not one: the store is asked then. */
export function readState(path: string): UploadState | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

export function forgetState(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // What is left of it does no harm: the next run sees that the upload is no more.
  }
}

/**
 * Writes the state after each part, one write at a time: parts that are done while one runs are all in the next. A failure is told once and ends nothing, for a
 * lost state can be put together again from what the store lists.
 */
export function stateKeeper(path: string, warn: (error: unknown) => void): (state: UploadState) => Promise<void> {
  let latest: UploadState | undefined;
  let askedCount = 0;
  let writtenCount = 0;
  let running: Promise<void> | undefined;
  let hasWarned = false;
  // A part that is done counts, whatever has been interrupted meanwhile.
  const never = new AbortController().signal;
  const write = async () => {
    const count = askedCount;
    const bytes = Buffer.from(`${JSON.stringify(latest)}\n`);
    try {
      await writeOutput(path, { signal: never }, (fd) => writeAt(fd, bytes, 0));
    } catch (error) {
      if (!hasWarned) warn(error);
      hasWarned = true;
    }
    writtenCount = count;
  };
  return async (state) => {
    latest = state;
    const mine = ++askedCount;
    while (writtenCount < mine) {
      running ??= write().finally(() => {
        running = undefined;
      });
      await running;
    }
  };
}
