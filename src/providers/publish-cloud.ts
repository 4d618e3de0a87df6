import { type Context, step } from "../core/context.ts";
import { CloudimgError } from "../core/errors.ts";
import { cleanJournal, leftoversOf } from "./clean-cloud.ts";
import type { ImageState } from "./cloud.ts";
import type { LedgerEntry } from "./journal-record.ts";
import { keepMade } from "./ledger.ts";
import type { BuiltImage } from "./provider.ts";
import { checkCloud, checkFormat } from "./publish-cloud-check.ts";
import { importedImage } from "./publish-cloud-image.ts";
import { keepImages, promote, retire } from "./publish-cloud-promote.ts";
import type {
  CloudPublishReport,
  CloudPublishRequest,
  ImagePublishRequest,
  PublishedImage,
} from "./publish-cloud-request.ts";
import { type CloudRun, tagsOf } from "./publish-cloud-run.ts";
import { forgetKey, holdScope, openRun, scopeOf } from "./publish-cloud-scope.ts";
import { tested } from "./publish-cloud-test.ts";
import { isPushedConsole } from "./pushed-console.ts";
import { copiedToRegions } from "./regions.ts";

/**
 * An image file becomes a checked image of a cloud: check → build → upload → import → copy to regions → launch → smoke → share → retire older ones → clean up. After a crash, a
 * Ctrl-C or a lost network the same call goes on where it was; nothing is made twice. Cleaning up always runs.
 *
 * Errors: `cloud/…`; `check/…` when the instance runs but does not do what it should; `host/no-space` when the journal cannot be written.
 */
export async function publishToCloud(asked: CloudPublishRequest, context: Context): Promise<CloudPublishReport> {
  await checkCloud(asked, context);
  const image = await asked.build(context);
  checkFormat(image, asked);
  const request = withImage(asked, image);
  const lock = await holdScope(scopeOf(request), request.connection, context);
  try {
    const journal = await openRun(request, context);
    const { id } = journal.record();
    asked.onRun?.(id);
    const run = { request, journal, context, tags: tagsOf(id, request), instanceName: `cloudimg-${id}` };
    return await cleanedUp(run, () => published(run));
  } finally {
    lock.release();
  }
}

function withImage({ build: _, onRun: __, ...request }: CloudPublishRequest, image: BuiltImage): ImagePublishRequest {
  const { machine } = request.configuration;
  const diskSizeBytes = Math.max(machine.diskSizeBytes, image.sizeBytes);
  return { ...request, image, configuration: { ...request.configuration, machine: { ...machine, diskSizeBytes } } };
}

async function published(run: CloudRun): Promise<Omit<CloudPublishReport, "run" | "leftovers" | "steps">> {
  const image = await importedImage(run);
  const copies = await copiedToRegions(run, image);
  const { instance, evidence } = await tested(run, image);
  const images = [image, ...copies];
  await promote(run, images);
  const retired = await retire(run, images);
  await keep(run);
  return { images: [published1(image), ...copies.map(published1)], instance, evidence, retired };
}

function published1({ id, region, name, existed }: ImageState & { existed: boolean }): PublishedImage {
  return { id, region, name, existed };
}

/** And the uploaded file, if it was asked for. */
async function keep(run: CloudRun): Promise<void> {
  const { journal, request } = run;
  await keepImages(run);
  if (request.configuration.keepObject)
    await keepMade(journal, (entry) => entry.kind === "object" && !isPushedConsole(entry));
}

/** Does the work and then removes what is not meant to stay, whatever happened. An error in the end is that of the work. */
async function cleanedUp(run: CloudRun, work: () => ReturnType<typeof published>): Promise<CloudPublishReport> {
  const { request, journal, context } = run;
  const outcome = await work().then(
    (report) => ({ report }),
    (error: unknown) => ({ error }),
  );
  const state = "report" in outcome ? "done" : isFinal(run, outcome.error) ? "failed" : "interrupted";
  const wanted = (entry: LedgerEntry) => isOver(state, entry);
  const calm = { emit: context.emit, signal: new AbortController().signal };
  await step(calm, "clean-up", "Clean up", async (progress) => {
    const left = await cleanJournal(journal, request, wanted, context);
    if (left.length > 0) progress.note(`${left.length} left`);
    else forgetKey(journal);
  });
  const error = "error" in outcome ? { error: messageOf(outcome.error) } : {};
  const closing = journal.change({ state, ...error });
  if ("error" in outcome) {
    await closing.catch(() => {});
    throw outcome.error;
  }
  await closing;
  return {
    ...outcome.report,
    run: journal.record().id,
    leftovers: leftoversOf(journal.record()),
    steps: durations(run),
  };
}

/** Trying again gives the same: the image itself is at fault. */
function isFinal({ request, context }: CloudRun, error: unknown): boolean {
  if (context.signal.aborted || !(error instanceof CloudimgError)) return false;
  if (error.code === "cloud/import-failed") return true;
  return error.code.startsWith("check/") && !request.configuration.keepFailed;
}

/** What a run that goes on later still needs is left: an image and its file cost little, and hours to make again. */
function isOver(state: "done" | "failed" | "interrupted", entry: LedgerEntry): boolean {
  if (state !== "interrupted" || isPushedConsole(entry)) return true;
  return !["object", "upload", "image", "snapshot"].includes(entry.kind);
}

function durations({ journal }: CloudRun): CloudPublishReport["steps"] {
  return Object.entries(journal.record().steps).flatMap(([name, { startedAtMs, finishedAtMs }]) =>
    finishedAtMs === undefined ? [] : [{ name, durationMs: finishedAtMs - startedAtMs }],
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
