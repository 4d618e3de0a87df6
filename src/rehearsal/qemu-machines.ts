import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteSource } from "../core/byte-source.ts";
import type { Context } from "../core/context.ts";
import type { EventSink } from "../core/events.ts";
import type { InstanceConfig } from "../guest-config/model.ts";
import type { Acceleration } from "../machine/acceleration.ts";
import { openDiskImage } from "../machine/disk-image.ts";
import type { Obtain } from "../machine/find-qemu.ts";
import type { Machine } from "../machine/machine.ts";
import { startMachine } from "../machine/start.ts";
import { playedClouds } from "../providers/played-clouds.ts";
import { placeInSubnet } from "../providers/played-network.ts";
import { type Surroundings, startSurroundings } from "../providers/surroundings.ts";
import type { EmulatedMachine, MachineMaker, MachineOrder, PublicNetwork } from "./machine-maker.ts";
import { type QemuHost, qemuHost } from "./qemu-host.ts";
import { configOfOrder } from "./qemu-instance.ts";

export interface QemuMachinesOptions {
  /** Makes the CD that a cloud attaches; the format is one of guest-config's. */
  readonly configDrive: (format: string, config: InstanceConfig) => ByteSource;
  /** How to get QEMU where it is not installed. */
  readonly obtain?: Obtain | undefined;
  /** Default: `auto`. */
  readonly accel?: Acceleration | "auto" | undefined;
}

/**
 * Instances that really boot: the imported file, on a machine that looks like one of that cloud, with its firmware, disk, network, metadata service and CD.
 *
 * Errors, of each start: `host/no-qemu`, `host/no-firmware`, `host/no-acceleration`, `host/qemu-failed`, `image/not-an-image`, `image/disk-too-small`, those of `obtain`.
 */
export function qemuMachines(
  { configDrive, obtain, accel = "auto" }: QemuMachinesOptions,
  context: Context,
): MachineMaker {
  const host = qemuHost(obtain, accel, context);
  return async (order, network, signal) => {
    const either = AbortSignal.any([context.signal, signal]);
    either.throwIfAborted();
    const config = configOfOrder(order);
    const { region, zone, outside } = order;
    const places = [placeInSubnet(playedClouds[order.cloud], order.privateAddress)];
    const around = await startSurroundings(order.cloud, config, { configDrive, places, region, zone, outside }, either);
    let started: Started;
    try {
      // How machines start is not what the user waits for: that is told by the steps of who wanted them.
      started = await boot(order, around, host, { ...context, signal: either, emit: warningsOf(context.emit) });
    } catch (error) {
      await around.close();
      throw error;
    }
    const { machine, console } = started;
    const { publicAddress, privateAddress, openPorts } = order;
    const connect: Connect = (port, dialSignal) => around.network.connect(privateAddress, port, dialSignal);
    const takeBack = publicAddress === undefined ? () => {} : network.attach(publicAddress, openPorts, connect);
    let ending: Promise<void> | undefined;
    const onAbort = () => void end();
    const end = () => {
      ending ??= endAll(machine, around, takeBack).finally(() => either.removeEventListener("abort", onAbort));
      return ending;
    };
    either.addEventListener("abort", onAbort);
    if (either.aborted) await end();
    either.throwIfAborted();
    return { console, died: machine.died, end, screenshot: () => screenshotOf(machine) };
  };
}

type Connect = Parameters<PublicNetwork["attach"]>[2];

interface Started extends Pick<EmulatedMachine, "console"> {
  readonly machine: Machine;
}

async function boot(order: MachineOrder, around: Surroundings, host: QemuHost, context: Context): Promise<Started> {
  const printed: Uint8Array[] = [];
  const { smbios, configDrive, nics } = around;
  const machine = await startMachine(
    {
      // Rehearsals at the same time have instances of the same ids.
      id: `rehearsed-${order.instanceId}-${randomBytes(3).toString("hex")}`,
      image: order.imagePath,
      ...(await host(order)),
      disk: openDiskImage(order.imagePath),
      diskSizeBytes: order.diskSizeBytes,
      diskBus: order.diskBus,
      cpus: order.cpus,
      memoryBytes: order.memoryBytes,
      ...{ smbios, configDrive, nics },
      forwards: [],
      mayReboot: true,
      onConsoleBytes: (bytes) => void printed.push(bytes),
    },
    context,
  );
  return { machine, console: async () => Buffer.concat(printed).toString() };
}

async function endAll(machine: Machine, around: Surroundings, takeBack: () => void): Promise<void> {
  takeBack();
  try {
    await machine.stop(0);
  } finally {
    await around.close();
  }
}

async function screenshotOf(machine: Machine): Promise<Uint8Array> {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-screen-"));
  try {
    const path = join(directory, "screen.png");
    await machine.screenshot(path);
    return readFileSync(path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function warningsOf(emit: EventSink): EventSink {
  return (event) => {
    if (event.type === "log" && event.level !== "info") emit(event);
  };
}
