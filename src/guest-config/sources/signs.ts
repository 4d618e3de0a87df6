import type { Host } from "../initializer/host.ts";

/** What tells, before anything is mounted or asked, where a machine is to be configured from. */
export interface MachineSigns {
  readonly commandLine: string;
  /** By the names of /sys/class/dmi/id: `sys_vendor`, `product_name`, `product_serial`, `chassis_asset_tag`. Without blanks around; absent if empty. */
  readonly dmi: Readonly<Record<string, string | undefined>>;
}

const dmiNames = [
  "sys_vendor",
  "product_name",
  "product_version",
  "product_serial",
  "product_uuid",
  "chassis_asset_tag",
  "chassis_vendor",
  "board_name",
] as const;

export function readSigns(host: Host): MachineSigns {
  const read = (name: string) => host.readText(`/sys/class/dmi/id/${name}`)?.trim() || undefined;
  return {
    commandLine: host.readText("/proc/cmdline")?.trim() ?? "",
    dmi: Object.fromEntries(dmiNames.map((name) => [name, read(name)])),
  };
}
