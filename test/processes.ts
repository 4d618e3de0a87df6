import { readdirSync, readFileSync } from "node:fs";

/** Command lines of running processes that name a path, other than our own: what a run has left behind. */
export async function processesWith(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      if (line.includes(path)) found.push(line);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}
