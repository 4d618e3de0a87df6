import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";
import type { Context } from "../../src/core/context.ts";
import type { Event } from "../../src/core/events.ts";
import { processIdentity } from "../../src/core/process-identity.ts";
import type { Arch } from "../../src/machine/architectures.ts";
import { openDiskImage } from "../../src/machine/disk-image.ts";
import { findQemu, type Obtain, type Qemu } from "../../src/machine/find-qemu.ts";
import type { Machine, MachineRequest } from "../../src/machine/machine.ts";
import { startMachine } from "../../src/machine/start.ts";
import { bootProgram } from "./boot-programs.ts";

/** A context with directories of its own that go away after the test. */
export function testContext(signal: AbortSignal = new AbortController().signal): Context & { events: Event[] } {
  const events: Event[] = [];
  const directories = { cache: join(temporaryDirectory(), "cache"), data: join(temporaryDirectory(), "data") };
  for (const directory of Object.values(directories)) mkdirSync(directory);
  return { events, emit: (event) => events.push(event), signal, directories, environment: process.env, jobs: 1 };
}

const temporary: string[] = [];

/** Short, for sockets go into it. Removed after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "cm-"));
  temporary.push(directory);
  return directory;
}

const machines: Machine[] = [];
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.stop(0);
  for (const directory of temporary.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const emulators = new Map<string, Promise<Qemu>>();

/** The QEMU that all tests use: the host's, else one from Debian packages in the user's cache. */
export function testQemu(arch: Arch = "amd64"): Promise<Qemu> {
  const context = createContext(() => {}, new AbortController().signal, undefined);
  const obtain: Obtain = (packages) => obtainTools(packages, context);
  const qemu = emulators.get(arch) ?? findQemu({ arch, obtain, context });
  emulators.set(arch, qemu);
  return qemu;
}

/** A machine that prints `text` and then does as `ending` says. */
export async function bootRequest(
  text: string,
  ending: Parameters<typeof bootProgram>[2],
  more: Partial<MachineRequest> = {},
): Promise<MachineRequest> {
  return {
    id: `test-${ending}`,
    image: "boot.raw",
    qemu: await testQemu(),
    acceleration: "tcg",
    disk: openDiskImage(bootProgram(temporaryDirectory(), text, ending)),
    cpus: 1,
    memoryBytes: 64 * 1024 * 1024,
    nics: [],
    forwards: [],
    ...more,
  };
}

export const oneNic: MachineRequest["nics"] = [
  { mac: "52:54:00:00:00:01", network: "10.0.2.0/24", router: "10.0.2.2", dns: "10.0.2.3", dhcpStart: "10.0.2.15" },
];

/** Starts it and waits until it has printed a line that ends with `until`. Stopped after the test. */
export async function startUntil(until: string, request: MachineRequest, context: Context): Promise<Machine> {
  let seen: () => void = () => {};
  const printed = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const onConsole = (line: string) => {
    request.onConsole?.(line);
    if (line.endsWith(until)) seen();
  };
  const machine = await startMachine({ ...request, onConsole }, context);
  machines.push(machine);
  await Promise.race([printed, machine.died.then((why) => Promise.reject(new Error(`it died: ${why}`)))]);
  return machine;
}

/** Waits until a process is gone; gives up with an error. */
export async function untilGone(pid: number, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (processIdentity(pid) !== undefined) {
    if (performance.now() > deadline) throw new Error(`process ${pid} still runs`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until something holds; gives up with an error. */
export async function until(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`it did not come to pass: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
