import { keyval } from "./option-words.ts";

/** What a machine's firmware says of it, as Linux shows it in /sys/class/dmi/id. Absent: QEMU's own. (DMTF DSP0134; QEMU's manual, -smbios.) */
export interface Smbios {
  /** Type 1: `sys_vendor`, `product_*`. A `uuid` has the usual form with dashes. */
  readonly system?:
    | Readonly<Partial<Record<"manufacturer" | "product" | "version" | "serial" | "uuid", string>>>
    | undefined;
  /** Type 2: `board_*`. */
  readonly board?:
    | Readonly<Partial<Record<"manufacturer" | "product" | "version" | "serial" | "asset", string>>>
    | undefined;
  /** Type 3: `chassis_*`; `asset` is `chassis_asset_tag`. */
  readonly chassis?: Readonly<Partial<Record<"manufacturer" | "version" | "serial" | "asset", string>>> | undefined;
  /** Type 0: `bios_*`. */
  readonly bios?: Readonly<Partial<Record<"vendor" | "version" | "date", string>>> | undefined;
}

const types: Readonly<Record<keyof Smbios, number>> = { bios: 0, system: 1, board: 2, chassis: 3 };

/** QEMU's arguments for it. */
export function smbiosWords(smbios: Smbios = {}): string[] {
  return Object.entries(types).flatMap(([name, type]) => {
    const strings = Object.entries(smbios[name as keyof Smbios] ?? {});
    if (strings.length === 0) return [];
    return ["-smbios", [`type=${type}`, ...strings.map(([key, value]) => `${key}=${keyval(value)}`)].join(",")];
  });
}
