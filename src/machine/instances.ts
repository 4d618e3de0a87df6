import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { isRunning } from "../core/process-identity.ts";
import { linesOfLog } from "./console-lines.ts";
import {
  type InstancePaths,
  type InstanceRecord,
  isMachineRunning,
  readRecords,
  removeInstanceDirectory,
} from "./instance-directory.ts";
import { connectQmp, type Qmp } from "./qmp.ts";
import { takeScreenshot } from "./screenshot.ts";

/** An instance as people see it. */
export interface InstanceSummary {
  readonly id: string;
  readonly image: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** `running`: kept, or of a run that goes on. `stopped`: only its files are left. */
  readonly state: "running" | "stopped";
  readonly kept: boolean;
  /** Ports on loopback by what they lead to: `ssh`, `http`. */
  readonly ports: Readonly<Record<string, number>>;
  readonly consoleLogPath: string;
}

type InstanceContext = Pick<Context, "directories" | "signal">;

const quitMs = 3_000;

/** Every instance on this host, oldest first. */
export function listInstances(context: Pick<Context, "directories">): InstanceSummary[] {
  return readRecords(context).map(({ record, paths }) => ({
    id: record.id,
    image: record.image,
    createdAt: record.createdAt,
    state: isMachineRunning(record) ? "running" : "stopped",
    kept: record.kept,
    ports: record.ports,
    consoleLogPath: paths.consoleLog,
  }));
}

/**
 * Ends an instance, whichever process started it, and removes its files: power button, then after `graceMs` hard.
 *
 * Errors: `host/no-instance`.
 */
export async function terminateInstance(id: string, graceMs: number, context: InstanceContext): Promise<void> {
  const { record, paths } = findInstance(id, context);
  const { machine } = record;
  if (machine !== undefined && isMachineRunning(record)) {
    const gone = async (ms: number) => {
      const deadline = performance.now() + ms;
      while (isRunning(machine.pid, machine.identity)) {
        if (performance.now() > deadline) return false;
        await sleep(20);
      }
      return true;
    };
    const ask = async (command: string, ms: number) => {
      const qmp = await visit(paths).catch(() => undefined);
      await qmp?.execute(command).catch(() => {});
      qmp?.close();
      return qmp === undefined ? false : await gone(ms);
    };
    const obeyed = graceMs > 0 && !context.signal.aborted && (await ask("system_powerdown", graceMs));
    if (!obeyed && !(await ask("quit", quitMs))) {
      if (isMachineRunning(record)) process.kill(machine.pid, "SIGKILL");
      await gone(quitMs);
    }
  }
  removeInstanceDirectory(paths, record);
}

/** Errors: `host/no-instance`, and those of `takeScreenshot`. */
export async function screenshotInstance(id: string, path: string, context: InstanceContext): Promise<void> {
  const { record, paths } = findInstance(id, context);
  if (!isMachineRunning(record)) fail("host/no-instance", `cannot take a screenshot of ${id}: it does not run`);
  const qmp = await visit(paths);
  try {
    await takeScreenshot(qmp, paths.directory, path, context);
  } finally {
    qmp.close();
  }
}

/** All lines that an instance has printed so far. Errors: `host/no-instance`. */
export function consoleOfInstance(id: string, context: Pick<Context, "directories">): string[] {
  const { paths } = findInstance(id, context);
  try {
    return linesOfLog(readFileSync(paths.consoleLog));
  } catch {
    return [];
  }
}

function visit(paths: InstancePaths): Promise<Qmp> {
  return connectQmp(paths.visitorSocket);
}

function findInstance(
  id: string,
  context: Pick<Context, "directories">,
): { record: InstanceRecord; paths: InstancePaths } {
  const records = readRecords(context);
  const found = records.find(({ record }) => record.id === id);
  if (found !== undefined) return found;
  const names = records.map(({ record }) => record.id);
  fail("host/no-instance", `cannot find the instance ${id}`, {
    hint: names.length === 0 ? "there are no instances" : `there are: ${names.join(", ")}`,
  });
}
