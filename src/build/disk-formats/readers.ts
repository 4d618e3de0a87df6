import type { ImageReader } from "./image-reader.ts";
import { qcow2Reader } from "./qcow2-reader.ts";
import { rawReader } from "./raw-reader.ts";
import { unreadFormats } from "./unread-formats.ts";
import { vdiReader } from "./vdi-reader.ts";
import { vhdReader } from "./vhd-reader.ts";
import { vmdkExtentReader, vmdkReader } from "./vmdk-reader.ts";

/** In the order in which they are tried: those that are known by their end follow those that are by their start; raw, which anything may be, comes last. */
export const imageReaders: readonly ImageReader[] = [
  qcow2Reader,
  vmdkReader,
  vmdkExtentReader,
  vdiReader,
  vhdReader,
  ...unreadFormats,
  rawReader,
];
