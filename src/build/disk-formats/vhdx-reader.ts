import { fail } from "../../core/errors.ts";
import type { ImageReader } from "./image-reader.ts";

const magic = "vhdxfile";

/** Hyper-V's newer format: known by its first bytes, and not read. */
export const vhdxReader: ImageReader = {
  name: "vhdx",
  detect({ source }) {
    if (source.sizeBytes < magic.length) return false;
    const bytes = Buffer.alloc(magic.length);
    source.read(bytes, 0);
    return bytes.toString("latin1") === magic;
  },
  read: ({ path }) =>
    fail("image/unsupported", `cannot use ${path}: VHDX is not read`, {
      hint: "make a VHD of it with Convert-VHD, or a qcow2 with qemu-img convert",
    }),
};
