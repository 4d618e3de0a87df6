import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ByteSource, bytesSource } from "../core/byte-source.ts";
import { type Context, step } from "../core/context.ts";
import { errnoOf, fail } from "../core/errors.ts";
import { emitSource, writeOutput } from "../core/output.ts";
import { processIdentity } from "../core/process-identity.ts";
import { qemuArguments } from "./arguments.ts";
import { type Guarded, spawnGuarded } from "./guard.ts";
import {
  createInstanceDirectory,
  type InstancePaths,
  type InstanceRecord,
  removeInstanceDirectory,
  removeLeftovers,
  writeRecord,
} from "./instance-directory.ts";
import type { Machine, MachineRequest } from "./machine.ts";
import { overlayDisk } from "./overlay.ts";
import { choosePort } from "./ports.ts";
import { connectQmp } from "./qmp.ts";
import { type Attached, runningMachine } from "./running.ts";

type StartContext = Pick<Context, "directories" | "emit" | "signal">;

/** How often other ports are tried when a chosen one was taken before QEMU had it. */
const portAttempts = 5;
/** On a busy host QEMU may need a while before it answers. */
const answerTimeoutMs = 60_000;
const lastWordsMs = 2_000;

/**
 * Starts a machine and returns when its first instruction is about to run. Whatever happens to us, it does not stay behind, and neither do its
 * files; what earlier runs could not tidy up is removed first.
 *
 * Errors: `host/qemu-failed`, `host/port-in-use`, `host/not-writable`, `host/no-space`, `image/disk-too-small` if the disk asked for is smaller
 * than the image.
 */
export async function startMachine(request: MachineRequest, context: StartContext): Promise<Machine> {
  const { disk, diskSizeBytes = disk.sizeBytes } = request;
  if (diskSizeBytes < disk.sizeBytes)
    fail("image/disk-too-small", `cannot start ${request.image}: its disk has ${disk.sizeBytes} bytes`, {
      hint: `instance.diskSize asks for ${diskSizeBytes}: leave it out or ask for more`,
    });
  return await step(context, "start", `Start ${request.id}`, async ({ note }) => {
    removeLeftovers(context);
    const { record, paths } = createInstanceDirectory(request.id, request.image, context);
    try {
      const diskPath = request.diskFile ?? paths.disk;
      if (!existsSync(diskPath)) await write(diskPath, overlayDisk(disk, roundUp(diskSizeBytes, 512)), context);
      for (const [index, extra] of (request.extraDisks ?? []).entries())
        if ("source" in extra) await write(extraDiskPath(paths, index), extra.source, context);
      if (request.configDrive !== undefined) await write(paths.configDrive, request.configDrive, context);
      if (request.firmware !== undefined)
        await write(paths.variables, bytesSource(readFileSync(request.firmware.variablesPath)), context);
      const machine = await startOnFreePorts(request, record, paths, context);
      const ports = Object.entries(machine.ports).map(([name, port]) => `${name} on 127.0.0.1:${port}`);
      note([request.acceleration, ...ports].join(", "));
      return machine;
    } catch (error) {
      removeInstanceDirectory(paths, record);
      throw error;
    }
  });
}

async function startOnFreePorts(
  request: MachineRequest,
  record: InstanceRecord,
  paths: InstancePaths,
  context: StartContext,
): Promise<Machine> {
  const taken = new Set<number>();
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted();
    const ports: Record<string, number> = { ...request.openPorts };
    const used = new Set(taken);
    for (const { name, wish } of request.forwards) {
      const port = await choosePort(wish, used);
      used.add(port);
      ports[name] = port;
    }
    const machine = await startOnce(request, { ...record, ports }, paths, context);
    if (!("portTaken" in machine)) return machine;
    taken.add(machine.portTaken);
    if (attempt === portAttempts)
      fail("host/port-in-use", `cannot forward port ${machine.portTaken}: another program on this host uses it`, {
        hint: "choose other ports in provider.local, or end that program",
      });
  }
}

async function startOnce(
  request: MachineRequest,
  record: InstanceRecord,
  paths: InstancePaths,
  context: StartContext,
): Promise<Machine | { portTaken: number }> {
  mkdirSync(record.socketDirectory, { recursive: true });
  for (const path of [paths.qemuLog, paths.consoleLog]) rmSync(path, { force: true });
  const command = [...request.qemu.command, ...commandLine(request, record, paths)];
  const child = spawnGuarded(command, {
    logPath: paths.qemuLog,
    directories:
      record.socketDirectory === paths.directory ? [paths.directory] : [paths.directory, record.socketDirectory],
  });
  const stop = () => child.kill();
  context.signal.addEventListener("abort", stop);
  try {
    const attached = await attach(child, paths);
    const pid = await child.pid;
    const identity = pid === undefined ? undefined : processIdentity(pid);
    const running = pid === undefined || identity === undefined ? record : { ...record, machine: { pid, identity } };
    writeRecord(running, paths);
    context.signal.throwIfAborted();
    if (request.debugPort === undefined) await attached.qmp.execute("cont");
    return runningMachine(request, running, paths, attached, context);
  } catch (error) {
    // It closes its sockets before it says why it ends.
    if (!context.signal.aborted) await Promise.race([child.exited, sleep(lastWordsMs, undefined, { ref: false })]);
    child.kill();
    const { code, errorText } = await child.exited;
    context.signal.throwIfAborted();
    const portTaken = /host forwarding rule '\w+:[\d.]*:(\d+)-/.exec(errorText)?.[1];
    if (portTaken !== undefined) return { portTaken: Number(portTaken) };
    fail("host/qemu-failed", `cannot start a machine: QEMU ended with code ${code}`, {
      hint: errorText.trim() === "" ? "it said nothing" : `it said: ${lastLines(errorText, 5)}`,
      cause: error,
    });
  } finally {
    context.signal.removeEventListener("abort", stop);
  }
}

function commandLine(request: MachineRequest, record: InstanceRecord, paths: InstancePaths): string[] {
  const forwards = request.forwards.map(({ name, guestAddress, guestPort }) => ({
    hostPort: record.ports[name] as number,
    guestAddress,
    guestPort,
  }));
  const userNics = request.nics.filter((nic) => !("socketPath" in nic));
  const forwarding = request.forwardMac ? userNics.find(({ mac }) => mac === request.forwardMac) : userNics[0];
  return qemuArguments({
    name: request.id,
    architecture: request.qemu.architecture,
    acceleration: request.acceleration,
    emulatorVersion: request.qemu.version,
    cpus: request.cpus,
    memoryBytes: request.memoryBytes,
    flash: request.firmware && { ...request.firmware, variablesPath: paths.variables },
    bootFrom: request.bootFrom ?? "disk",
    diskPath: request.diskFile ?? paths.disk,
    diskBus: request.diskBus,
    extraDisks: request.extraDisks?.map((disk, index) =>
      "source" in disk ? { ...disk, path: extraDiskPath(paths, index) } : disk,
    ),
    smbios: request.smbios,
    configDrivePath: request.configDrive === undefined ? undefined : paths.configDrive,
    nics: request.nics.map((nic) =>
      "socketPath" in nic ? nic : { ...nic, forwards: nic === forwarding ? forwards : [] },
    ),
    spareNicSlots: request.spareNicSlots,
    mayReboot: request.mayReboot,
    controlSocketPath: paths.controlSocket,
    visitorSocketPath: paths.visitorSocket,
    consoleSocketPath: paths.consoleSocket,
    consoleLogPath: paths.consoleLog,
    display: request.display,
    debugPort: request.debugPort,
  });
}

function extraDiskPath({ directory }: InstancePaths, index: number): string {
  return join(directory, `extra-${index}.raw`);
}

/** Waits until QEMU answers, and connects. Throws if it ends before. */
async function attach(child: Guarded, paths: InstancePaths): Promise<Attached> {
  const sink: Attached["sink"] = { onEvent: () => {} };
  const deadline = performance.now() + answerTimeoutMs;
  const ended = child.exited.then(() => true);
  for (;;) {
    try {
      const qmp = await connectQmp(paths.controlSocket, (event) => sink.onEvent(event));
      return { child, qmp, sink };
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== "ENOENT" && errno !== "ECONNREFUSED") throw error;
      if (performance.now() > deadline) throw error;
      if (await Promise.race([ended, sleep(20, false)])) throw error;
    }
  }
}

async function write(path: string, source: ByteSource, { signal }: StartContext): Promise<void> {
  await writeOutput(path, { signal }, (fd) => emitSource(source, fd, { signal }));
}

function lastLines(text: string, count: number): string {
  return text.trim().split("\n").slice(-count).join("\n");
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
