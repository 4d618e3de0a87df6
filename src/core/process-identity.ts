import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Names a running process for good: its number is used again one day, its number and start time together are not. Undefined if there is
 * no such process, or it has ended and only waits to be collected.
 */
export function processIdentity(pid: number): string | undefined {
  return process.platform === "linux" ? identityFromProc(pid) : identityFromPs(pid);
}

/** Whether the very process that had this identity still runs. */
export function isRunning(pid: number, identity: string): boolean {
  return processIdentity(pid) === identity;
}

/** proc_pid_stat(5): the command in parentheses may hold anything; after its last `)` come state (3rd field) … starttime (22nd). */
function identityFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, startTime] = [fields[0], fields[19]];
    if (startTime === undefined || state === "Z" || state === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}/${pid}/${startTime}`;
  } catch {
    return undefined;
  }
}

function identityFromPs(pid: number): string | undefined {
  try {
    const started = execFileSync("/bin/ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { LC_ALL: "C" },
    }).trim();
    return started === "" ? undefined : `${pid}/${started}`;
  } catch {
    return undefined;
  }
}
