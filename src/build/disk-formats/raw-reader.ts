import { fail } from "../../core/errors.ts";
import type { ImageReader } from "./image-reader.ts";

const sectorBytes = 512;

/** A disk's bytes as they are. There is nothing to know it by: it is what no other reader takes. */
export const rawReader: ImageReader = {
  name: "raw",
  detect: () => true,
  read({ path, source }) {
    if (source.sizeBytes % sectorBytes !== 0)
      fail(
        "image/not-an-image",
        `cannot use ${path}: a raw disk has whole sectors, this file has ${source.sizeBytes} bytes`,
        {
          hint: "was it copied completely?",
        },
      );
    return { format: "raw", disk: source, details: [], problems: [], otherFiles: [], close() {} };
  },
};
