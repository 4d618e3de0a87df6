import type { Readable, Writable } from "node:stream";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import type { MachineRequest } from "./machine.ts";
import { choosePort } from "./ports.ts";
import { startMachine } from "./start.ts";

/** A person's end of the console. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly output: Writable;
}

export interface InteractiveOptions {
  /** Wait for a debugger on loopback before the first instruction. */
  readonly debug?: boolean | undefined;
  /** Open a window with the machine's screen. */
  readonly display?: boolean | undefined;
}

export type InteractiveRequest = Omit<MachineRequest, "debugPort" | "display" | "onConsoleBytes">;

const ctrlA = 0x01;
const debuggerPort = 1234;

/**
 * Runs a machine with its serial console on a terminal until it ends, the person leaves (Ctrl-a x), or the context's signal aborts. Ctrl-a Ctrl-a
 * (or Ctrl-a a) types one Ctrl-a. If the input is no terminal it is typed as it is, and its end ends nothing.
 *
 * @returns why it ended
 * Errors: those of `startMachine`; `host/no-display`.
 */
export async function runInteractive(
  request: InteractiveRequest,
  { debug, display }: InteractiveOptions,
  { input, output }: Terminal,
  context: Pick<Context, "directories" | "emit" | "signal">,
): Promise<string> {
  const { signal } = context;
  const debugPort = debug === true ? await choosePort({ port: debuggerPort }) : undefined;
  const machine = await startMachine(
    {
      ...request,
      debugPort,
      display: display === true ? await windowOf(request.qemu.command, signal) : undefined,
      onConsoleBytes: (bytes) => void output.write(bytes),
    },
    context,
  );
  const say = (message: string) => context.emit({ type: "log", level: "info", message });
  if (debugPort !== undefined)
    say(`the machine waits for a debugger: gdb -ex 'target remote 127.0.0.1:${debugPort}', then continue`);
  const raw = input.isTTY === true;
  if (raw) say("the console is on this terminal; Ctrl-a x leaves");

  let leave: (why: string) => void = () => {};
  const left = new Promise<string>((resolve) => {
    leave = resolve;
  });
  const keys = keyFilter(() => leave("you left"));
  const onInput = (chunk: Buffer) => machine.type(raw ? keys(chunk) : chunk);
  const onAbort = () => leave("interrupted");
  try {
    if (raw) input.setRawMode?.(true);
    input.on("data", onInput);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    return await Promise.race([machine.died, left]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    input.off("data", onInput);
    input.pause();
    if (raw) input.setRawMode?.(false);
    await machine.stop(0);
  }
}

/** Takes the escape sequences out of what is typed: Ctrl-a x leaves, Ctrl-a a and Ctrl-a Ctrl-a stand for Ctrl-a; any other pair passes. */
export function keyFilter(onLeave: () => void): (typed: Uint8Array) => Uint8Array {
  let escaped = false;
  return (typed) => {
    const passed: number[] = [];
    for (const byte of typed) {
      if (!escaped) {
        escaped = byte === ctrlA;
        if (!escaped) passed.push(byte);
        continue;
      }
      escaped = false;
      if (byte === 0x78) onLeave();
      else if (byte === 0x61 || byte === ctrlA) passed.push(ctrlA);
      else passed.push(ctrlA, byte);
    }
    return Uint8Array.from(passed);
  };
}

/** The window that this QEMU can open: Debian keeps them in a package of their own, qemu-system-gui. */
async function windowOf(command: readonly string[], signal: AbortSignal): Promise<string> {
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  const [program = "", ...words] = command;
  const { stdout } = await promisify(execFile)(program, [...words, "-display", "help"], { signal });
  const known = new Set(stdout.split(/\s+/));
  const found = ["cocoa", "gtk", "sdl"].find((name) => known.has(name));
  if (found !== undefined) return found;
  fail("host/no-display", "cannot open a window: this QEMU has none built in", {
    hint: "install QEMU with its windows (apt install qemu-system-gui), or use `cloudimg screenshot`",
  });
}
