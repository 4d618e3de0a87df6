import type { Command, Host } from "../initializer/host.ts";
import { waitFor } from "../initializer/processes.ts";

const outputLog = "/var/log/cloudimg-init-output.log";
/** A script that prints without end must not fill the disk. */
const largestLogBytes = 16 << 20;
const sliceMs = 1000;

/**
 * Runs what a user wrote: in a session of its own, its output at the end of the log. It has ended when its first process has, whatever that left running.
 *
 * @returns what went wrong, in words; undefined if nothing did
 */
export function runLogged(host: Host, command: Command, timeoutMs: number): string | undefined {
  const process = host.start({ ...command, outputPath: outputLog, appendsOutput: true, isGroup: true });
  const endMs = host.nowMs() + timeoutMs;
  let wasCut = false;
  for (;;) {
    const [status] = waitFor(host, [process], Math.min(sliceMs, endMs - host.nowMs()));
    wasCut = cutLog(host) || wasCut;
    if (status !== undefined) return describe(status, wasCut);
    if (host.nowMs() < endMs) continue;
    process.kill();
    waitFor(host, [process], sliceMs);
    return `did not end within ${Math.round(timeoutMs / 1000)} s and was killed`;
  }
}

/** Emptied in place: what writes to it goes on at its new end. */
function cutLog(host: Host): boolean {
  if ((host.attributes(outputLog)?.sizeBytes ?? 0) <= largestLogBytes) return false;
  waitFor(host, [host.start({ argv: ["sh", "-c", ":"], outputPath: outputLog })], sliceMs);
  return true;
}

function describe(status: number, wasCut: boolean): string | undefined {
  if (status !== 0) return status > 128 ? `was ended by signal ${status - 128}` : `ended with ${status}`;
  return wasCut ? `printed more than ${largestLogBytes >> 20} MiB: ${outputLog} holds the end` : undefined;
}

/** How a file that is to be run is started, also where the file system lets nothing be executed: by what its first line names, else by sh. */
export function commandFor(host: Host, path: string): string[] {
  const start = String.fromCharCode(...(host.readBytes(path, 0, 256) ?? []));
  if (start.startsWith("\x7fELF")) return [path];
  const [, interpreter, argument] = /^#![ \t]*(\S+)[ \t]*([^\n]*)/.exec(start) ?? [];
  if (interpreter === undefined) return ["/bin/sh", path];
  const word = argument?.trim() ?? "";
  return word === "" ? [interpreter, path] : [interpreter, word, path];
}

/** What scripts find in their environment besides PATH. */
export function scriptEnvironment(instanceId: string): Record<string, string> {
  return { INSTANCE_ID: instanceId, HOME: "/root", LC_ALL: "C.UTF-8" };
}
