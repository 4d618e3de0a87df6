import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../core/context.ts";
import { errnoOf, fail } from "../core/errors.ts";
import { isRunning, processIdentity } from "../core/process-identity.ts";

/** A process that can be recognised later. */
interface ProcessRecord {
  readonly pid: number;
  readonly identity: string;
}

/** What is written down about an instance, in its directory. */
export interface InstanceRecord {
  readonly id: string;
  /** What it was started from, for people. */
  readonly image: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** It outlives the process that started it. */
  readonly kept: boolean;
  readonly owner: ProcessRecord;
  readonly machine?: ProcessRecord | undefined;
  /** Ports on loopback by what they lead to: `ssh`, `http`. */
  readonly ports: Readonly<Record<string, number>>;
  readonly socketDirectory: string;
}

export interface InstancePaths {
  readonly directory: string;
  readonly record: string;
  readonly disk: string;
  readonly configDrive: string;
  /** Those of a UEFI. */
  readonly variables: string;
  readonly consoleLog: string;
  readonly qemuLog: string;
  readonly controlSocket: string;
  readonly visitorSocket: string;
  readonly consoleSocket: string;
}

type DirectoryContext = Pick<Context, "directories">;

function instancePaths(directory: string, socketDirectory: string): InstancePaths {
  return {
    directory,
    record: join(directory, "instance.json"),
    disk: join(directory, "disk.qcow2"),
    configDrive: join(directory, "config.iso"),
    variables: join(directory, "variables.fd"),
    consoleLog: join(directory, "console.log"),
    qemuLog: join(directory, "qemu.log"),
    controlSocket: join(socketDirectory, "control.sock"),
    visitorSocket: join(socketDirectory, "visitor.sock"),
    consoleSocket: join(socketDirectory, "console.sock"),
  };
}

/**
 * Makes the directory that holds all files of one instance, with its record in it from the beginning.
 *
 * Errors: `host/not-writable`, `host/no-space`; `usage/arguments` if there is an instance of that name.
 */
export function createInstanceDirectory(
  id: string,
  image: string,
  context: DirectoryContext,
): { record: InstanceRecord; paths: InstancePaths } {
  const parent = instancesDirectory(context);
  const directory = join(parent, id);
  const fresh = join(parent, `.new-${process.pid}-${randomBytes(4).toString("hex")}`);
  const owner = { pid: process.pid, identity: processIdentity(process.pid) ?? "" };
  try {
    mkdirSync(fresh, { recursive: true, mode: 0o700 });
    const record = {
      id,
      image,
      createdAt: new Date().toISOString(),
      kept: false,
      owner,
      ports: {},
      socketDirectory: socketDirectory(directory),
    };
    writeFileSync(join(fresh, "instance.json"), `${JSON.stringify(record, undefined, 2)}\n`);
    renameSync(fresh, directory);
    return { record, paths: instancePaths(directory, record.socketDirectory) };
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    const errno = errnoOf(error);
    if (errno === "ENOTEMPTY" || errno === "EEXIST")
      fail("usage/arguments", `cannot start the instance ${id}: there is one of that name`);
    if (errno === "ENOSPC") fail("host/no-space", `cannot write ${parent}: no space is left`, { cause: error });
    fail("host/not-writable", `cannot write ${parent}: ${errno ?? String(error)}`, {
      hint: "name another directory with CLOUDIMG_DATA",
      cause: error,
    });
  }
}

/** unix(7): the path of a socket has 108 bytes on Linux, 104 on macOS, its final NUL included. */
function socketDirectory(directory: string): string {
  if (Buffer.byteLength(join(directory, "control.sock")) <= 100) return directory;
  return mkdtempSync(join(tmpdir(), "cloudimg-"));
}

export function writeRecord(record: InstanceRecord, paths: InstancePaths): void {
  const temporary = `${paths.record}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(record, undefined, 2)}\n`);
  renameSync(temporary, paths.record);
}

/** Every record there is, oldest first. */
export function readRecords(context: DirectoryContext): { record: InstanceRecord; paths: InstancePaths }[] {
  const parent = instancesDirectory(context);
  return namesIn(parent)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) => {
      try {
        const record: InstanceRecord = JSON.parse(readFileSync(join(parent, name, "instance.json"), "utf8"));
        return [{ record, paths: instancePaths(join(parent, name), record.socketDirectory) }];
      } catch {
        // It went away meanwhile, or was never one of ours.
        return [];
      }
    })
    .sort((a, b) => (a.record.createdAt < b.record.createdAt ? -1 : 1));
}

export function isMachineRunning({ machine }: InstanceRecord): boolean {
  return machine !== undefined && isRunning(machine.pid, machine.identity);
}

export function removeInstanceDirectory(paths: InstancePaths, record: InstanceRecord): void {
  for (const path of [paths.directory, record.socketDirectory]) rmSync(path, { recursive: true, force: true });
}

/**
 * Removes what runs left behind that were killed together with their guards: the machine, if it still runs, and the
 * directory. What was kept on purpose, and what belongs to a run that goes on, stays.
 */
export function removeLeftovers(context: DirectoryContext): void {
  const parent = instancesDirectory(context);
  for (const name of namesIn(parent)) {
    const pid = /^\.new-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && processIdentity(Number(pid)) === undefined)
      rmSync(join(parent, name), { recursive: true, force: true });
  }
  for (const { record, paths } of readRecords(context)) {
    if (record.kept || isRunning(record.owner.pid, record.owner.identity)) continue;
    if (record.machine !== undefined && isMachineRunning(record)) process.kill(record.machine.pid, "SIGKILL");
    removeInstanceDirectory(paths, record);
  }
}

function instancesDirectory(context: DirectoryContext): string {
  return join(context.directories.data, "instances");
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
