import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { basename, extname } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Context, type StepProgress, step } from "../core/context.ts";
import { errnoOf, fail } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import type { StoredObject } from "../providers/object-store.ts";
import { type CloudOptions, needBucket } from "./cloud-options.ts";
import { type CloudAccess, type CloudSession, openCloud } from "./cloud-session.ts";
import { forgetUpload, holdUpload, isUnfinished, uploadStatePath } from "./uploading-state.ts";

export interface UploadOptions extends CloudOptions {
  readonly bucket?: string;
  readonly key?: string;
  /** Ends an unfinished upload instead. */
  readonly abort?: boolean;
}

export interface Uploaded extends StoredObject {
  readonly region: string;
  /** `aborted`: an unfinished upload is no more; `nothing`: there was none to abort. */
  readonly outcome: "uploaded" | "existed" | "aborted" | "nothing";
}

/**
 * Sends a file to a bucket, under a key that has the content's digest; goes on where an earlier try was cut off.
 *
 * Errors: `usage/…`, `cloud/busy` when another process uploads it, those of the store.
 */
export async function uploadImage(
  path: string,
  options: UploadOptions,
  context: Context,
  access?: CloudAccess,
): Promise<Uploaded> {
  const bucket = needBucket(options.bucket, options.provider, `upload ${path}`);
  checkKey(options.key);
  const sizeBytes = sizeOf(path);
  const session = await openCloud(options.provider, { region: options.region, bucket }, context, access);
  const sha256 = await step(context, "hash", "Hash the file", (progress) =>
    digestOf(path, sizeBytes, progress, context),
  );
  const key = options.key ?? keyFor(path, sha256);
  const object = { bucket, key, sizeBytes, sha256, region: session.region };
  const statePath = uploadStatePath(session, key, context);
  const release = holdUpload(statePath, path);
  try {
    if (options.abort === true) {
      if (!isUnfinished(statePath)) return { ...object, outcome: "nothing" };
      await step(context, "abort", `End the upload to ${bucket}`, () =>
        session.store.remove(bucket, key, context, "uploads"),
      );
      forgetUpload(statePath);
      return { ...object, outcome: "aborted" };
    }
    const existed = await send(path, object, statePath, session, context);
    return { ...object, outcome: existed ? "existed" : "uploaded" };
  } finally {
    release();
  }
}

async function send(
  path: string,
  object: StoredObject,
  statePath: string,
  { store, title }: CloudSession,
  context: Context,
): Promise<boolean> {
  const { bucket, key, sizeBytes } = object;
  let sentBytes = 0;
  try {
    return await step(context, "upload", `Upload to ${bucket}`, async (progress) => {
      await store.checkBucket(bucket, context);
      const onProgress = (doneBytes: number, totalBytes: number) => {
        sentBytes = doneBytes;
        progress.bytes(doneBytes, totalBytes);
      };
      const { existed } = await store.upload({ ...object, path, statePath, onProgress }, context);
      progress.note(existed ? "was there already" : `${formatBytes(sizeBytes)} to ${key}`);
      return existed;
    });
  } catch (error) {
    if (isUnfinished(statePath))
      context.emit({
        type: "log",
        level: "info",
        message: `${formatBytes(sentBytes)} of ${formatBytes(sizeBytes)} are at ${title}, and stay there`,
        hint: "the same command goes on from there; with --abort it removes them",
      });
    throw error;
  }
}

function sizeOf(path: string): number {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts?.isFile() === true && facts.size > 0) return facts.size;
  const reason = facts === undefined ? "there is no such file" : facts.isFile() ? "it is empty" : "it is no file";
  fail("usage/file", `cannot upload ${path}: ${reason}`);
}

/** Spaces make Huawei's import refuse an object (IMG.0175); the rest is what needs no escape anywhere. */
function checkKey(key: string | undefined): void {
  if (key === undefined || (/^[\w.][\w./-]{0,800}$/.test(key) && !key.includes("//") && !key.endsWith("/"))) return;
  fail("usage/arguments", `cannot use the key "${key}": it must be letters, digits, dots, dashes and slashes`);
}

/** Not that of a publish, which removes its objects in the end. */
function keyFor(path: string, sha256: string): string {
  const extension = extname(path).replace(/[^\w.]/g, "");
  return `cloudimg/uploads/${nameOfFile(path)}-${sha256}${extension}`;
}

/** `out/web.qcow2` → `web`, with nothing but what names may have. */
export function nameOfFile(path: string): string {
  const name = basename(path, extname(path))
    .replace(/[^\w-]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 40);
  return name === "" ? "image" : name;
}

async function digestOf(
  path: string,
  sizeBytes: number,
  progress: StepProgress,
  { signal }: Pick<Context, "signal">,
): Promise<string> {
  const hash = createHash("sha256");
  let doneBytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      doneBytes += chunk.length;
      progress.bytes(doneBytes, sizeBytes);
      done();
    },
  });
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), count, { signal });
  } catch (error) {
    signal.throwIfAborted();
    fail("usage/file", `cannot read ${path}: ${errnoOf(error) ?? error}`, { cause: error });
  }
  return hash.digest("hex");
}
