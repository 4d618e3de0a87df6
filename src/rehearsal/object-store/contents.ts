import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

/** The bytes of an object or a part, in files. They never change; overwriting makes new ones. */
export interface Contents {
  readonly sizeBytes: number;
  /** One file with all of it. */
  file(): Promise<string>;
  remove(): Promise<void>;
}

export function contentsOf(path: string, sizeBytes: number): Contents {
  return { sizeBytes, file: async () => path, remove: () => rm(path, { force: true }) };
}

/**
 * Puts parts one behind the other, which is done when somebody first reads them: completing an upload of many gigabytes takes no time,
 * and many an object is never read. Nothing else may use the parts afterwards.
 */
export function joinContents(parts: readonly Contents[]): Contents {
  let joining: Promise<string> | undefined;
  return {
    sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    file() {
      joining ??= append(parts);
      return joining;
    },
    async remove() {
      // If it has failed, whoever wanted to read has been told.
      await joining?.catch(() => {});
      await Promise.all(parts.map((part) => part.remove()));
    },
  };
}

async function append([first, ...rest]: readonly Contents[]): Promise<string> {
  if (first === undefined) throw new TypeError("an upload has parts");
  const path = await first.file();
  for (const part of rest) {
    const source = createReadStream(await part.file(), { highWaterMark: 1 << 20 });
    await pipeline(source, createWriteStream(path, { flags: "a" }));
    await part.remove();
  }
  return path;
}
