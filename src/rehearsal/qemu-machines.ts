import type { ByteSource } from "../core/byte-source.ts";
import type { Context } from "../core/context.ts";
import type { InstanceConfig } from "../guest-config/model.ts";
import type { Obtain } from "../machine/find-qemu.ts";
import type { MachineMaker } from "./machine-maker.ts";

export interface QemuMachinesOptions {
  readonly configDrive: (config: InstanceConfig) => ByteSource;
  readonly obtain: Obtain;
}

/** A stand-in. */
export function qemuMachines(_options: QemuMachinesOptions, _context: Context): MachineMaker {
  return () => Promise.reject(new Error("instances cannot boot yet"));
}
