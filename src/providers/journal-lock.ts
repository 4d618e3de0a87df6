import { createHash, randomBytes } from "node:crypto";
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { errnoOf } from "../core/errors.ts";
import { isRunning, processIdentity } from "../core/process-identity.ts";

/** Who holds a lock. */
export interface LockHolder {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  readonly identity: string | undefined;
}

export interface Lock {
  /** Safe to call twice. */
  release(): void;
}

/** A holder that we cannot look at (another machine, another container) touches its lock this often … */
const heartbeatMs = 15_000;
/** … and counts as gone when it has not for so long. */
const silentMs = 120_000;

/**
 * Takes a lock file, or tells who holds it. The lock of a process that was killed is taken over at once. A link is made in one step and with its content, on every
 * file system that has links; so nobody ever sees half a lock.
 */
export function takeLock(path: string): Lock | { readonly holder: LockHolder } {
  const me: LockHolder = {
    token: randomBytes(8).toString("hex"),
    host: machineName(),
    pid: process.pid,
    identity: processIdentity(process.pid),
  };
  const own = `${path}.${me.token}`;
  writeFileSync(own, JSON.stringify(me), { flag: "wx", flush: true });
  try {
    const holder = claim(path, own);
    if (holder !== undefined) return { holder };
  } finally {
    rmSync(own, { force: true });
  }
  const beat = setInterval(() => touch(path), heartbeatMs);
  beat.unref();
  let released = false;
  return {
    release() {
      if (released) return;
      released = true;
      clearInterval(beat);
      if (readHolder(path)?.token === me.token) rmSync(path, { force: true });
    },
  };
}

/**
 * Makes `path` a link to `own`, unless somebody alive holds it. To take over from a dead holder one needs a second lock that is named after that holder: so only one
 * of many who see the same dead holder replaces it, and nobody ever replaces a living one.
 */
function claim(path: string, own: string): LockHolder | undefined {
  for (;;) {
    if (tryLink(own, path)) return undefined;
    const holder = readHolder(path);
    if (holder === undefined) continue;
    if (isAlive(path, holder)) return holder;
    const heirs = `${path}.heir-${createHash("sha256").update(holder.token).digest("hex").slice(0, 16)}`;
    const rival = claim(heirs, own);
    if (rival !== undefined) return rival;
    const isStillDead = readHolder(path)?.token === holder.token;
    // The heir's lock is the same file as `own`: renaming it replaces the dead holder's in one step.
    if (isStillDead) renameSync(heirs, path);
    else rmSync(heirs, { force: true });
    if (isStillDead) return undefined;
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Undefined: it is gone. A file that is no lock of ours counts as a holder that is gone. */
function readHolder(path: string): LockHolder | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { token, host, pid, identity } = JSON.parse(text);
    return { token: String(token), host: String(host), pid: Number(pid), identity };
  } catch {
    return { token: `damaged ${text}`, host: machineName(), pid: 0, identity: undefined };
  }
}

function isAlive(path: string, holder: LockHolder): boolean {
  if (holder.host === machineName()) return holder.identity !== undefined && isRunning(holder.pid, holder.identity);
  try {
    return Date.now() - statSync(path).mtimeMs < silentMs;
  } catch {
    return false;
  }
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // A lock that cannot be touched is still held.
  }
}

/** Process numbers mean something within one machine and one of its namespaces only. */
function machineName(): string {
  try {
    return `${hostname()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}
