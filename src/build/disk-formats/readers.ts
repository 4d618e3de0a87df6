import type { ImageReader } from "./image-reader.ts";
import { qcow2Reader } from "./qcow2-reader.ts";
import { rawReader } from "./raw-reader.ts";

/** In the order in which they are tried: raw, which anything may be, comes last. */
export const imageReaders: readonly ImageReader[] = [qcow2Reader, rawReader];
