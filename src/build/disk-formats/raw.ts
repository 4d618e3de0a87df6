import { ftruncateSync } from "node:fs";
import { writeSparse } from "../../core/output.ts";
import type { DiskFormat } from "./disk-format.ts";

/** The disk's bytes as they are. Zeros become holes of the file. */
export const raw: DiskFormat = {
  name: "raw",
  extension: ".raw",
  open: ({ fd, diskSizeBytes }) => ({
    windowBytes: 4096,
    write: (bytes, offsetBytes) => writeSparse(fd, bytes, offsetBytes),
    finish: () => ftruncateSync(fd, diskSizeBytes),
    close() {},
  }),
};
