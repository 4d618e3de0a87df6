import type { DiskFormat } from "./disk-format.ts";
import { qcow2 } from "./qcow2.ts";
import { raw } from "./raw.ts";
import { vdi } from "./vdi.ts";
import { vhd, vhdFixed } from "./vhd.ts";
import { vmdk, vmdkFlat } from "./vmdk.ts";

export const diskFormats = {
  raw,
  qcow2,
  vhd,
  "vhd-fixed": vhdFixed,
  vmdk,
  "vmdk-flat": vmdkFlat,
  vdi,
} as const satisfies Record<string, DiskFormat>;

export type DiskFormatName = keyof typeof diskFormats;
