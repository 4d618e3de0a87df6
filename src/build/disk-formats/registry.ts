import type { DiskFormat } from "./disk-format.ts";
import { raw } from "./raw.ts";

export const diskFormats = { raw } as const satisfies Record<string, DiskFormat>;

export type DiskFormatName = keyof typeof diskFormats;
