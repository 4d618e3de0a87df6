import type { GuestSeen } from "./soak-record.ts";

/** What is asked of a guest. One without /proc, or without a shell of this kind, answers nothing: that is no fault. */
export function guestCommand(programs: readonly string[]): string {
  const pids = programs.map((name) => `echo "pids ${name} $(pidof ${name})"`);
  return ["cat /proc/sys/kernel/random/boot_id /proc/uptime /proc/meminfo 2>/dev/null", ...pids, "true"].join("; ");
}

/** Names that a shell takes as they are. */
export const programName = /^[\w.@+-]{1,64}$/;

/** random(4), proc_uptime(5), proc_meminfo(5), pidof(1). */
export function parseGuest(text: string, programs: readonly string[]): GuestSeen {
  const kilobytes = (name: string): number | undefined => {
    const [, digits] = new RegExp(`^${name}: +(\\d{1,12}) kB$`, "m").exec(text) ?? [];
    return digits === undefined ? undefined : Number(digits) * 1024;
  };
  const uptime = /^(\d{1,12}\.\d+) \d+\.\d+$/m.exec(text)?.[1];
  const processes = programs.flatMap((name): [string, number[]][] => {
    const line = text.split("\n").find((candidate) => candidate.startsWith(`pids ${name} `));
    if (line === undefined) return [];
    return [
      [
        name,
        line
          .split(" ")
          .slice(2)
          .filter((word) => /^\d{1,10}$/.test(word))
          .map(Number),
      ],
    ];
  });
  return {
    bootId: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/m.exec(text)?.[0],
    uptimeSeconds: uptime === undefined ? undefined : Number(uptime),
    totalBytes: kilobytes("MemTotal"),
    // Kernels before 3.14 do not estimate it.
    availableBytes: kilobytes("MemAvailable") ?? kilobytes("MemFree"),
    ...(processes.length > 0 && { processes: Object.fromEntries(processes) }),
  };
}
