import type { Host } from "./host.ts";

export interface Usage {
  /** Processor time of this process and of its children that have ended and been waited for. */
  readonly cpuMs: number;
  readonly uptimeSeconds: number;
}

/** USER_HZ, the unit of times in /proc: 100 on every architecture that we build for. */
const ticksPerSecond = 100;

/** proc_pid_stat(5): fields 14 to 17 are user and system time of the process, then of its children. */
export function readUsage(host: Host): Usage {
  const stat = host.readText("/proc/self/stat") ?? "";
  // The name in field 2 may hold blanks and brackets; the fields after it start with the third.
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const ticks = [14, 15, 16, 17].reduce((sum, field) => sum + (fields[field - 3] ?? 0), 0);
  const uptime = Number.parseFloat(host.readText("/proc/uptime") ?? "0");
  return { cpuMs: (ticks * 1000) / ticksPerSecond, uptimeSeconds: uptime };
}
