import { accessSync, constants, statfsSync } from "node:fs";
import { findMirrors } from "../build/packages/mirrors.ts";
import { obtainTools } from "../build/tools.ts";
import type { Context } from "../core/context.ts";
import { CloudimgError, errnoOf } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { chooseAcceleration } from "../machine/acceleration.ts";
import { findQemu, type Qemu } from "../machine/find-qemu.ts";

export interface Finding {
  readonly what: string;
  /** `note`: works, but could be better. */
  readonly state: "good" | "note" | "bad";
  readonly detail: string;
  readonly hint?: string | undefined;
}

const wantedFreeBytes = 2e9;

/** What this host has of what cloudimg needs. Looks and tries; changes nothing but the cache. */
export async function examineHost(mirror: string | undefined, context: Context): Promise<Finding[]> {
  const findings: Finding[] = [{ what: "Node", state: "good", detail: process.versions.node }];
  for (const [name, directory] of Object.entries(context.directories)) findings.push(examineDirectory(name, directory));
  findings.push(await tried("mirror", () => examineMirror(mirror, context)));
  let qemu: Qemu | undefined;
  findings.push(
    await tried("QEMU", async () => {
      qemu = await findQemu({ arch: "amd64", obtain: (names) => obtainTools(names, context), context });
      const origin = qemu.origin === "path" ? "on PATH" : "from Debian packages, in the cache";
      return { what: "QEMU", state: "good", detail: `${qemu.version}, ${origin}` };
    }),
  );
  if (qemu !== undefined) findings.push(await examineAcceleration(qemu, context));
  return findings;
}

function examineDirectory(name: string, directory: string): Finding {
  const hint = `name another directory with CLOUDIMG_${name.toUpperCase()}`;
  try {
    makeDirectory(directory, { hint });
    accessSync(directory, constants.W_OK);
    const { bavail, bsize } = statfsSync(directory);
    const freeBytes = bavail * bsize;
    const detail = `${directory}, ${formatBytes(freeBytes)} free`;
    if (freeBytes >= wantedFreeBytes) return { what: name, state: "good", detail };
    return { what: name, state: "note", detail, hint: `builds and boots want some ${formatBytes(wantedFreeBytes)}` };
  } catch (error) {
    const detail = error instanceof CloudimgError ? error.message : `cannot write ${directory}: ${errnoOf(error)}`;
    return { what: name, state: "bad", detail, hint };
  }
}

async function examineMirror(mirror: string | undefined, context: Context): Promise<Finding> {
  const { debian } = await findMirrors({ mirror, securityMirror: undefined, suite: "trixie" }, context);
  const [base] = debian;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(15_000)]);
  try {
    const response = await fetch(`${base}/dists/trixie/InRelease`, { method: "HEAD", signal });
    if (response.ok) return { what: "mirror", state: "good", detail: `${base} has trixie` };
    return { what: "mirror", state: "bad", detail: `${base} answers ${response.status}`, hint: "try another --mirror" };
  } catch (error) {
    context.signal.throwIfAborted();
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    const hint = "check the network, or name another one with --mirror";
    return { what: "mirror", state: "bad", detail: `cannot reach ${base}: ${reason}`, hint };
  }
}

async function examineAcceleration(qemu: Qemu, context: Context): Promise<Finding> {
  const acceleration = await chooseAcceleration("auto", qemu, context);
  if (acceleration !== "tcg") return { what: "acceleration", state: "good", detail: acceleration };
  return {
    what: "acceleration",
    state: "note",
    detail: "tcg: instances run some ten times slower than with KVM",
    hint: "a boot was tried and /dev/kvm did not work, or is not there or not yours; see docs/quick-start.md",
  };
}

async function tried(what: string, work: () => Promise<Finding>): Promise<Finding> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    const [{ message, hint }] = error.problems;
    return { what, state: "bad", detail: message, hint };
  }
}
