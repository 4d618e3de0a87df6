import { randomBytes } from "node:crypto";
import { copyFile, link, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Copies of what was imported: a cloud keeps its own, so that the object can go. */
export interface KeptImages {
  /** A path of its own for the same bytes: a hard link where the file system has them. */
  keep(path: string): Promise<string>;
  remove(): Promise<void>;
}

export function keepImages(directory: string): KeptImages {
  return {
    async keep(path) {
      await mkdir(directory, { recursive: true });
      const kept = join(directory, randomBytes(12).toString("hex"));
      await link(path, kept).catch(() => copyFile(path, kept));
      return kept;
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
