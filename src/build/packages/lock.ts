import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { canonicalDigest } from "../../core/canonical-json.ts";
import type { Context } from "../../core/context.ts";
import { errnoOf, fail } from "../../core/errors.ts";
import type { KeptBytes } from "../../core/kept-bytes.ts";
import { writeAt, writeOutput } from "../../core/output.ts";
import type { Lock } from "./lock-schema.ts";
import { type LockInputs, lockInputs, type PackageRequest } from "./request.ts";

export type { Lock, LockedPackage } from "./lock-schema.ts";

/** Part of the name in the cache: raise it when a lock that was right may be wrong now. */
const checkVersion = 1;

/**
 * Reads and checks a lock file. Errors with line and column: `profile/lock-missing`, `profile/lock-syntax`, `profile/lock-invalid`.
 *
 * @param kept a text that was found right need not be parsed and checked again: reading YAML takes longer than all the rest
 */
export async function readLock(path: string, kept?: KeptBytes): Promise<Lock> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    const hint = errno === "ENOENT" ? "make it with cloudimg lock" : "move away what is there, then run cloudimg lock";
    fail("profile/lock-missing", `cannot read the lock ${path}: ${reasons[errno] ?? (error as Error).message}`, {
      hint,
      cause: error,
    });
  }
  const inputs = { sha256: hash("sha256", text), checkVersion };
  const known = kept?.get("locks", inputs);
  if (known !== undefined) return JSON.parse(Buffer.from(known).toString()) as Lock;
  const { parseLock } = await import("./lock-syntax.ts");
  const lock = parseLock(text, path);
  kept?.put("locks", inputs, Buffer.from(JSON.stringify(lock)));
  return lock;
}

const reasons: Record<string, string> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EACCES: "you may not read it",
};

const header = `# Written by cloudimg lock. Keep it under version control, and do not edit it: change the profile, then run cloudimg lock --update.
`;

/** Writes a lock file atomically; equal locks give equal bytes. */
export async function writeLock(path: string, lock: Lock, context: Pick<Context, "signal">): Promise<void> {
  const { stringify } = await import("yaml");
  const text = header + stringify(lock, { lineWidth: 0, aliasDuplicateObjects: false });
  await writeOutput(path, context, (fd) => writeAt(fd, Buffer.from(text), 0));
}

/** Says what a request asks for that the lock was not made for, a line each. Empty: the lock holds. */
export function lockDrift(lock: Lock, request: PackageRequest): string[] {
  const wanted = lockInputs(request);
  if (canonicalDigest(wanted) === lock.inputsDigest) return [];
  const changes: string[] = [];
  const keys = new Set([...Object.keys(wanted), ...Object.keys(lock.inputs)]) as Set<keyof LockInputs>;
  for (const key of keys) {
    const none = key === "local" ? [] : undefined;
    const [before, now] = [lock.inputs[key] ?? none, wanted[key] ?? none];
    if (Array.isArray(before) && Array.isArray(now)) {
      changes.push(...now.filter((word) => !before.includes(word)).map((word) => `${key}: ${word} is new`));
      changes.push(...before.filter((word) => !now.includes(word)).map((word) => `${key}: ${word} is gone`));
    } else if (before !== now) changes.push(`${key}: ${now} instead of ${before}`);
  }
  return changes.length > 0 ? changes : ["the lock's own record of its inputs was edited"];
}

/** Refuses a lock that was made for another request: `profile/lock-drift`. */
export function checkLock(lock: Lock, request: PackageRequest, path = "the lock"): void {
  const changes = lockDrift(lock, request);
  if (changes.length === 0) return;
  fail("profile/lock-drift", `cannot use ${path}: the profile has changed since it was made: ${changes.join("; ")}`, {
    hint: "make it anew with cloudimg lock --update, and look at what changes",
  });
}
