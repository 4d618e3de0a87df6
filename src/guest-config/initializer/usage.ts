import type { Host } from "./host.ts";

export interface Usage {
  /** Processor time of this process. */
  readonly ownMs: number;
  /** Of its children that have ended and been waited for. */
  readonly childrenMs: number;
  readonly uptimeSeconds: number;
  /** Since the kernel began to run this program: the interpreter's own start counts. In steps of ten milliseconds. */
  readonly ageMs: number;
}

/** USER_HZ, the unit of times in /proc: 100 on every architecture that we build for. */
const ticksPerSecond = 100;

/** proc_pid_stat(5): fields 14 to 17 are user and system time of the process, then of its children; field 22 is when it was started. */
export function readUsage(host: Host): Usage {
  const stat = host.readText("/proc/self/stat") ?? "";
  // The name in field 2 may hold blanks and brackets; the fields after it start with the third.
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const sumMs = (first: number) => (((fields[first - 3] ?? 0) + (fields[first - 2] ?? 0)) * 1000) / ticksPerSecond;
  const uptime = Number.parseFloat(host.readText("/proc/uptime") ?? "0");
  const startedSeconds = (fields[22 - 3] ?? 0) / ticksPerSecond;
  const ageMs = Math.max(0, Math.round((uptime - startedSeconds) * 1000));
  return { ownMs: sumMs(14), childrenMs: sumMs(16), uptimeSeconds: uptime, ageMs };
}

/** The most memory that this process has had resident (VmHWM of proc_pid_status(5)), in KiB. */
export function readPeakKiB(host: Host): number | undefined {
  const text = /^VmHWM:\s*(\d+) kB$/m.exec(host.readText("/proc/self/status") ?? "")?.[1];
  return text === undefined ? undefined : Number(text);
}
