import type { Command, Host, Process } from "./host.ts";

export interface Outcome {
  /** Exit status; undefined if the deadline came first. */
  readonly status: number | undefined;
  readonly output: string;
}

/** Runs a program to its end, or to a deadline of its own: a drive or a driver that hangs must not hang the boot. */
export function run(host: Host, command: Command, timeoutMs: number): Outcome {
  const process = host.start(command);
  const status = waitFor(host, [process], timeoutMs)[0];
  if (status === undefined) process.kill();
  const output = command.outputPath === undefined ? "" : (host.readText(command.outputPath) ?? "");
  return { status, output };
}

/**
 * Waits until all have ended, or for the time given. QuickJS can wait for one process without a limit, or look whether it has ended: so it looks, often at
 * first, since most of ours end within a few milliseconds, then after each tenth of the time gone by.
 */
export function waitFor(host: Host, processes: readonly Process[], timeoutMs: number): (number | undefined)[] {
  const startMs = host.nowMs();
  for (;;) {
    const statuses = processes.map((process) => process.poll());
    const elapsedMs = host.nowMs() - startMs;
    if (statuses.every((status) => status !== undefined) || elapsedMs >= timeoutMs) return statuses;
    host.sleepMs(Math.ceil(Math.min(100, 1 + elapsedMs / 10)));
  }
}

/** A word for sh(1), whatever is in it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
