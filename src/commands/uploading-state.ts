import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { makeDirectory } from "../core/make-directory.ts";
import type { CloudName } from "../providers/cloud.ts";
import { takeLock } from "../providers/journal-lock.ts";
import { readState } from "../providers/upload-state.ts";
import type { CloudSession } from "./cloud-session.ts";

/** Where the state of an upload is kept until it is done: `uploads/tencent-ap-guangzhou-0123….json`. */
export function uploadStatePath(
  { name, region, bucket }: Pick<CloudSession, "name" | "region" | "bucket">,
  key: string,
  context: Pick<Context, "directories">,
): string {
  const directory = uploadsDirectory(context);
  makeDirectory(directory, { hint: "name another directory with CLOUDIMG_DATA", mode: 0o700 });
  return join(directory, `${name}-${region}-${canonicalDigest([name, region, bucket, key]).slice(0, 16)}.json`);
}

/** For this process alone. Gives what lets go of it. Errors: `cloud/busy`. */
export function holdUpload(statePath: string, what: string): () => void {
  const lock = takeLock(`${statePath}.lock`);
  if (!("holder" in lock)) return () => lock.release();
  fail("cloud/busy", `cannot upload ${what}: the process ${lock.holder.pid} is at it`, {
    hint: "wait until that one is done, or interrupt it",
  });
}

export function isUnfinished(statePath: string): boolean {
  return existsSync(statePath);
}

export function forgetUpload(statePath: string): void {
  rmSync(statePath, { force: true });
}

/** An upload that was begun, and nobody is at work on. */
export interface UnfinishedUpload {
  readonly cloud: CloudName;
  readonly region: string;
  readonly bucket: string;
  readonly key: string;
  readonly statePath: string;
}

export function unfinishedUploads(context: Pick<Context, "directories">): UnfinishedUpload[] {
  const directory = uploadsDirectory(context);
  const names = existsSync(directory) ? readdirSync(directory).sort() : [];
  return names.flatMap((name): UnfinishedUpload[] => {
    const [, cloud, region = ""] = /^(tencent|alibaba|huawei)-([a-z0-9-]+)-[0-9a-f]{16}\.json$/.exec(name) ?? [];
    const statePath = join(directory, name);
    const state = cloud === undefined ? undefined : readState(statePath);
    if (state === undefined) return [];
    return [{ cloud: cloud as CloudName, region, bucket: state.bucket, key: state.key, statePath }];
  });
}

function uploadsDirectory({ directories }: Pick<Context, "directories">): string {
  return join(directories.data, "uploads");
}
