import type { DiskFormat } from "./disk-format.ts";
import { qcow2 } from "./qcow2.ts";
import { raw } from "./raw.ts";

export const diskFormats = { raw, qcow2 } as const satisfies Record<string, DiskFormat>;

export type DiskFormatName = keyof typeof diskFormats;
