import type { Context } from "../core/context.ts";
import { step } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import { cleanJournal } from "../providers/clean-cloud.ts";
import type { ImageState } from "../providers/cloud.ts";
import type { LedgerEntry } from "../providers/journal-record.ts";
import { keepMade } from "../providers/ledger.ts";
import { persist } from "../providers/poll.ts";
import { checkCloud, checkFormat } from "../providers/publish-cloud-check.ts";
import { importedImage } from "../providers/publish-cloud-image.ts";
import type { ImportRunRequest, Leftover } from "../providers/publish-cloud-request.ts";
import { type CloudRun, cloudImageName, recorded, tagsOf } from "../providers/publish-cloud-run.ts";
import { holdScope, openRun, scopeOf } from "../providers/publish-cloud-scope.ts";
import { accountOf } from "./cloud-account.ts";
import { type CloudOptions, needBucket, withHint } from "./cloud-options.ts";
import { type CloudAccess, type CloudSession, openCloud } from "./cloud-session.ts";
import {
  bucketOfObject,
  checkThere,
  type ImportSubject,
  importSubject,
  type SubjectOptions,
} from "./importing-subject.ts";
import { checkImageFile } from "./publishing-check.ts";

export interface ImportOptions extends CloudOptions, SubjectOptions {
  readonly name?: string;
  readonly family?: string;
  readonly description?: string;
  /** False: whatever the cloud's rules say. */
  readonly check?: boolean;
  readonly keepObject?: boolean;
}

export interface Imported {
  readonly run: string;
  readonly image: ImageState;
  /** It was there before. */
  readonly existed: boolean;
  readonly left: readonly Leftover[];
}

/**
 * An image file, or an object of the store, becomes an image of a cloud. It is a run as a publish is: cut off, it goes on when it is asked for again, or is cleaned.
 *
 * Errors: `usage/…`, `image/…` of the file, `cloud/…`.
 */
export async function importImage(
  what: string,
  options: ImportOptions,
  context: Context,
  access?: CloudAccess,
): Promise<Imported> {
  const { provider, region, name } = options;
  const bucket = needBucket(bucketOfObject(what, options.bucket) ?? options.bucket, provider, `import ${what}`);
  checkThere(what, options.bucket);
  checkName(name);
  const session = await openCloud(provider, { region, bucket }, context, access);
  const subject = await importSubject(what, options, context);
  if (subject.object === undefined && options.check !== false)
    await checkImageFile(subject.path, provider, context).catch((error: unknown) => {
      throw error instanceof CloudimgError ? explained(error) : error;
    });
  const request = await requestFor(subject, options, session, context);
  checkFormat(request.image, request);
  await checkCloud(request, context).catch((error: unknown) => {
    const hint = `or, if ${what} is meant as a file: there is none`;
    throw subject.object === undefined ? error : withHint(error, "cloud/not-found", hint);
  });
  const lock = await holdScope(scopeOf(request), request.connection, context);
  try {
    const journal = await openRun(request, context);
    const { id } = journal.record();
    const run = { request, journal, context, tags: tagsOf(id, request), instanceName: `cloudimg-${id}` };
    return await ended(run, options, async () => {
      const image = await importedImage(run);
      await inFamily(run, image, options.family);
      return image;
    });
  } finally {
    lock.release();
  }
}

/** What all clouds take for a name. */
function checkName(name: string | undefined): void {
  if (name === undefined || (/^[A-Za-z][\w.-]{1,59}$/.test(name) && !/^aliyun/i.test(name))) return;
  fail("usage/arguments", `cannot call an image "${name}": no cloud takes that`, {
    hint: "2 to 60 letters, digits, dots and dashes, the first a letter",
  });
}

function explained(error: CloudimgError): CloudimgError {
  const [first, ...rest] = error.problems;
  if (first.code !== "cloud/not-ready") return error;
  const note = "(--no-check imports it nevertheless)";
  const last = rest.at(-1) ?? first;
  const all = error.problems.map((problem) =>
    problem === last ? { ...problem, hint: `${problem.hint ?? ""} ${note}`.trim() } : problem,
  );
  return new CloudimgError(all, { cause: error });
}

async function requestFor(
  subject: ImportSubject,
  { name, description }: ImportOptions,
  session: CloudSession,
  context: Context,
): Promise<ImportRunRequest> {
  const { cloud, store, connection, region, bucket } = session;
  const { architecture, firmware, hasNvme, format, path, sizeBytes, object } = subject;
  const identity = object?.sha256 ?? (await identityOf(path, context));
  // Not a profile's name: the images of a profile are retired by it.
  const profile = `import-${name ?? subject.name}`;
  const request: ImportRunRequest = {
    ...{ cloud, store, connection, profile, object },
    owner: (inner) => accountOf(session, inner),
    image: { name: subject.name, path, format, identity, sizeBytes },
    configuration: {
      ...{ region, bucket, account: bucket, architecture, firmware, hasNvme },
      description: description ?? `${subject.name}, imported by cloudimg`,
    },
  };
  const imageName = name ?? cloudImageName({ ...request, profile: subject.name });
  return { ...request, imageName };
}

async function identityOf(path: string, context: Context): Promise<string> {
  const { openImage } = await import("../build/disk-formats/open-image.ts");
  const { diskSha256 } = await import("../examine/disk-hash.ts");
  return await step(context, "hash", "Hash the disk", async (progress) => {
    const image = openImage(path, {});
    try {
      return await diskSha256(image.disk, context.signal, progress.bytes);
    } finally {
      image.close();
    }
  });
}

async function inFamily(run: CloudRun<ImportRunRequest>, image: ImageState, family: string | undefined): Promise<void> {
  if (family === undefined) return;
  const { request, context } = run;
  const inputs = { image: image.id, family };
  await recorded(run, { id: "family", title: `Make it the newest of ${family}`, inputs }, async () => {
    const what = `change the image ${image.name}`;
    await persist({ clock: request.connection, signal: context.signal, what, timeoutMs: 10 * 60_000 }, () =>
      request.cloud.images.change(image, { family }, context),
    );
    return {};
  });
}

/** Ends the run: what is meant to stay is the user's, the rest goes, unless the run goes on later and still needs it. */
async function ended(
  run: CloudRun<ImportRunRequest>,
  options: ImportOptions,
  work: () => Promise<ImageState & { existed: boolean }>,
) {
  const { request, journal, context } = run;
  const { id } = journal.record();
  try {
    const { existed, ...image } = await work();
    const kept: readonly LedgerEntry["kind"][] = options.keepObject === true ? ["image", "object"] : ["image"];
    await keepMade(journal, ({ kind }) => kept.includes(kind));
    const left = await cleanJournal(journal, request, () => true, context);
    await journal.change({ state: "done" });
    return { run: id, image, existed, left };
  } catch (error) {
    const isFinal = !context.signal.aborted && error instanceof CloudimgError && error.code === "cloud/import-failed";
    if (isFinal) await cleanJournal(journal, request, () => true, context);
    const message = error instanceof Error ? error.message : String(error);
    // The first error is the one to tell.
    await journal.change({ state: isFinal ? "failed" : "interrupted", error: message }).catch(() => {});
    if (!isFinal) {
      const hint = `the same command goes on from there; cloudimg clean ${id} removes what is there`;
      context.emit({
        type: "log",
        level: "info",
        message: `the run ${id} is cut off, and what it has made stays`,
        hint,
      });
    }
    throw error;
  }
}
