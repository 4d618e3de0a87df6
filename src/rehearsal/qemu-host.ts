import type { Context } from "../core/context.ts";
import { type Acceleration, chooseAcceleration } from "../machine/acceleration.ts";
import { findQemu, type Obtain, type Qemu } from "../machine/find-qemu.ts";
import { type FlashFirmware, findFirmware } from "../machine/firmware.ts";
import type { MachineOrder } from "./machine-maker.ts";

/** What of this host a machine needs. */
export interface QemuParts {
  readonly qemu: Qemu;
  readonly acceleration: Acceleration;
  readonly firmware: FlashFirmware | undefined;
}

/** Finds what machines need: once for all of a kind, however many are started. */
export type QemuHost = (order: Pick<MachineOrder, "architecture" | "firmware">) => Promise<QemuParts>;

/** Errors, of what is given: `host/no-qemu`, `host/no-firmware`, `host/no-acceleration`, those of `obtain`. */
export function qemuHost(obtain: Obtain | undefined, accel: Acceleration | "auto", context: Context): QemuHost {
  const found = new Map<string, Promise<QemuParts>>();
  const find = async ({ architecture: arch = "amd64", firmware }: Parameters<QemuHost>[0]): Promise<QemuParts> => {
    const qemu = await findQemu({ arch, obtain, context });
    return {
      qemu,
      acceleration: await chooseAcceleration(accel, qemu, context),
      firmware: await findFirmware({ architecture: qemu.architecture, firmware, obtain, context }),
    };
  };
  return (order) => {
    const kind = `${order.architecture} ${order.firmware}`;
    const parts = found.get(kind) ?? find(order);
    found.set(kind, parts);
    // What fails once may go well later.
    parts.catch(() => found.delete(kind));
    return parts;
  };
}
