import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { Context } from "../core/context.ts";
import { errnoOf, fail } from "../core/errors.ts";
import { type Arch, type Architecture, findArchitecture } from "./architectures.ts";

/** A QEMU that can be started. */
export interface Qemu {
  /** Program and first arguments; the machine's own arguments follow. */
  readonly command: readonly string[];
  /** `10.0.3`. */
  readonly version: string;
  readonly origin: "path" | "packages";
  readonly architecture: Architecture;
}

/** Unpacks programs of Debian packages somewhere on this host. `command` gives what to run, loader included. */
export type Obtain = (
  packages: string[],
) => Promise<{ readonly directory: string; command(name: string): readonly string[] }>;

export interface FindQemuRequest {
  readonly arch: Arch;
  /** How to get QEMU where it is not installed; without it only PATH is looked at. */
  readonly obtain?: Obtain | undefined;
  readonly context: Pick<Context, "environment" | "signal" | "emit">;
}

/**
 * The QEMU for a processor: the one on PATH if it works, else on Linux one from Debian packages, run from a directory of its own.
 *
 * Errors: `host/no-qemu`, and those of `obtain`.
 */
export async function findQemu({ arch, obtain, context }: FindQemuRequest): Promise<Qemu> {
  const architecture = findArchitecture(arch);
  const { emulator } = architecture;
  const installed = findOnPath(emulator, context.environment["PATH"]);
  if (installed !== undefined) {
    const version = await readVersion([installed], context.signal);
    if (version !== undefined) return { command: [installed], version, origin: "path", architecture };
    context.emit({ type: "log", level: "warning", message: `${installed} does not work; looking for another QEMU` });
  }
  if (process.platform === "linux" && obtain !== undefined) {
    const { directory, command } = await obtain([...architecture.packages]);
    const firmware = architecture.firmwareDirectories.flatMap((path) => ["-L", join(directory, path)]);
    const words = [...command(emulator), ...firmware];
    const version = await readVersion(words, context.signal);
    if (version !== undefined) return { command: words, version, origin: "packages", architecture };
    fail("host/no-qemu", `cannot run ${emulator}: the one from Debian's packages does not start on this host`, {
      hint: installHint(architecture),
    });
  }
  fail("host/no-qemu", `cannot run a machine: there is no ${emulator} on PATH`, {
    hint: installHint(architecture),
  });
}

function installHint({ emulator, packages }: Architecture): string {
  if (process.platform === "win32") return "run cloudimg in WSL, the Windows Subsystem for Linux";
  if (process.platform === "darwin") return "install QEMU: brew install qemu";
  return `install QEMU: apt install ${packages[0]}; elsewhere the package that has ${emulator}`;
}

/** Where PATH leads for a program's name, as execvp(3) would look. */
function findOnPath(name: string, path: string | undefined): string | undefined {
  for (const directory of (path ?? "").split(delimiter)) {
    if (directory === "") continue;
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

async function readVersion(command: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  const [program = "", ...words] = command;
  try {
    const options = { signal, timeout: 30_000, killSignal: "SIGKILL" } as const;
    const { stdout } = await promisify(execFile)(program, [...words, "--version"], options);
    return /version (\d+\.\d+(\.\d+)?)/.exec(stdout)?.[1];
  } catch (error) {
    if (errnoOf(error) === "ABORT_ERR") throw error;
    return undefined;
  }
}
