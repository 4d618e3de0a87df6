import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../core/context.ts";
import { consoleLines } from "./console-lines.ts";
import type { Guarded } from "./guard.ts";
import {
  type InstancePaths,
  type InstanceRecord,
  readRecords,
  removeInstanceDirectory,
  writeRecord,
} from "./instance-directory.ts";
import { terminateInstance } from "./instances.ts";
import type { Machine, MachineRequest } from "./machine.ts";
import { lateNic } from "./nics.ts";
import type { Qmp, QmpEvent } from "./qmp.ts";
import { takeScreenshot } from "./screenshot.ts";
import { serialConsole } from "./serial-console.ts";

/** A QEMU that has been started, and our connections to it. */
export interface Attached {
  readonly child: Guarded;
  readonly qmp: Qmp;
  /** Its events go here from now on. */
  readonly sink: { onEvent: (event: QmpEvent) => void };
}

/** After it was told to quit, QEMU has this long before it is killed. */
const quitMs = 3_000;

/** The life of a started machine until it is stopped, kept, or dies. */
export function runningMachine(
  request: MachineRequest,
  record: InstanceRecord,
  paths: InstancePaths,
  { child, qmp, sink }: Attached,
  context: Pick<Context, "directories" | "signal">,
): Machine {
  let stopping: Promise<void> | undefined;
  let reason: string | undefined;
  let kept = false;

  const lines = consoleLines((line) => request.onConsole?.(line));
  const serial = serialConsole({ log: paths.consoleLog, socket: paths.consoleSocket }, (bytes) => {
    request.onConsoleBytes?.(bytes);
    lines.push(bytes);
  });
  sink.onEvent = (event) => {
    reason ??= reasonOfEvent(event);
    if (event.event === "STOP") void endIfStuck();
  };
  /** QEMU stops the machine, for ever, when its disk file cannot grow or the processor's virtualisation fails. */
  const endIfStuck = async () => {
    const { status } = (await qmp.execute("query-status").catch(() => ({}))) as { status?: string };
    const stuck = stuckReasons[status ?? ""];
    if (stuck === undefined) return;
    reason = stuck;
    child.kill();
  };
  const ended = child.exited.then(async ({ code, errorText }) => {
    await serial.end();
    lines.end();
    qmp.close();
    if (reason !== undefined) return reason;
    const said = errorText.trim().split("\n").slice(-3).join("; ");
    return `QEMU ended with code ${code}${said === "" ? "" : `: ${said}`}`;
  });
  const died = new Promise<string>((resolve) => {
    void ended.then((why) => {
      if (stopping === undefined && !kept) resolve(why);
    });
  });

  const endsWithin = (ms: number) => {
    const timer = new AbortController();
    const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
    return Promise.race([ended.then(() => true), late]).finally(() => timer.abort());
  };
  const stop = async (graceMs: number) => {
    if (kept) {
      const isListed = readRecords(context).some((other) => other.record.id === request.id);
      if (isListed) await terminateInstance(request.id, graceMs, context);
      return;
    }
    const ask = async (command: string, ms: number) => {
      await qmp.execute(command).catch(() => {});
      return await endsWithin(ms);
    };
    const gone = graceMs > 0 && !context.signal.aborted && (await ask("system_powerdown", graceMs));
    if (!gone && !(await ask("quit", quitMs))) child.kill();
    await ended;
    removeInstanceDirectory(paths, record);
  };

  let lateNics = 0;

  return {
    id: request.id,
    ports: record.ports,
    consoleLogPath: paths.consoleLog,
    died,
    type: serial.type,
    screenshot: (path) => takeScreenshot(qmp, paths.directory, path, context),
    async addNic(nic) {
      for (const [command, args] of lateNic(nic, lateNics++)) await qmp.execute(command, args);
    },
    stop(graceMs) {
      stopping ??= stop(graceMs);
      return stopping;
    },
    cutPower() {
      child.kill();
      stopping ??= stop(0);
      return stopping;
    },
    async keep() {
      // It was started to end when it reboots, which tells a crash from a boot that takes long. QEMU knows set-action since 6.0.
      await qmp.execute("set-action", { reboot: "reset" }).catch(() => {});
      kept = true;
      writeRecord({ ...record, kept: true }, paths);
      child.release();
      await serial.end();
      qmp.close();
    },
  };
}

const stuckReasons: Record<string, string> = {
  "io-error": "the disk of this host is full, or the instance's disk file cannot be written",
  "internal-error": "the processor's virtualisation failed; try accel: tcg",
};

/** QEMU's QMP reference, SHUTDOWN and ShutdownCause. */
function reasonOfEvent({ event, data }: QmpEvent): string | undefined {
  if (event === "GUEST_PANICKED") return "the guest's kernel panicked";
  if (event !== "SHUTDOWN") return undefined;
  const reasons: Record<string, string> = {
    "guest-shutdown": "the guest powered off",
    "guest-reset": "the guest rebooted or crashed",
    "guest-panic": "the guest's kernel panicked",
    "host-signal": "QEMU was told to end by a signal",
    "host-ui": "its window was closed",
    "host-qmp-quit": "somebody told QEMU to quit",
  };
  return reasons[String(data?.["reason"])];
}
