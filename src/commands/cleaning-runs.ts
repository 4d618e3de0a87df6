import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Context, step } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import { cleanRun } from "../providers/clean-cloud.ts";
import { belongsToInstance, release } from "../providers/clean-cloud-instance.ts";
import type { CloudName } from "../providers/cloud.ts";
import { openJournal } from "../providers/journal.ts";
import { type LedgerEntry, outstanding, type RunRecord } from "../providers/journal-record.ts";
import { takeScope } from "../providers/journal-scope.ts";
import { listRuns, showRun } from "../providers/journal-store.ts";
import type { Leftover } from "../providers/publish-cloud-request.ts";
import { forgetKey } from "../providers/publish-cloud-scope.ts";
import { checkOwner } from "./cloud-account.ts";
import { type CloudAccess, type CloudSession, openCloud } from "./cloud-session.ts";
import { cloudNames } from "./options.ts";

export interface CleanedRun {
  readonly run: string;
  /** `instance ins-1a2b` */
  readonly removed: readonly string[];
  readonly left: readonly Leftover[];
}

/** Runs that were cut off, or could not tidy up, and that nobody has named. What a launch has left running on purpose is none of it. */
export function unfinishedRuns(cloud: CloudName | undefined, context: Context): RunRecord[] {
  return listRuns(context).filter((run): run is RunRecord => {
    if ("problem" in run) {
      const hint = "cloudimg clean --by-tags removes what it has left in the cloud";
      context.emit({ type: "log", level: "warning", message: run.problem, hint });
      return false;
    }
    const { scope } = run as RunRecord;
    return isCloud(scope.cloud) && (cloud ?? scope.cloud) === scope.cloud && outstanding(run as RunRecord).length > 0;
  });
}

function isCloud(name: string): name is CloudName {
  return (cloudNames as readonly string[]).includes(name);
}

/**
 * Removes what a run has left. One that was named loses its instance too, if that was meant to stay; published images stay.
 *
 * Errors: `cloud/busy` while it is at work, `cloud/no-credentials`, `cloud/denied` if the credentials are not those of the run's account.
 */
export async function cleanRecorded(
  { id, scope, owner }: RunRecord,
  { isNamed, isDryRun }: { readonly isNamed: boolean; readonly isDryRun: boolean },
  context: Context,
  access?: CloudAccess,
): Promise<CleanedRun> {
  const { cloud, region, account } = scope;
  if (!isCloud(cloud)) return { run: id, removed: [], left: [] };
  if (isDryRun) return { run: id, removed: goingEntries(showRun(id, context), isNamed), left: [] };
  const bucket = account === "-" ? undefined : account;
  const session = await openCloud(cloud, { region, bucket }, context, access);
  const lock = takeScope(scope, context);
  if ("holder" in lock)
    return fail("cloud/busy", `cannot clean the run ${id}: it is at work (process ${lock.holder.pid})`, {
      hint: "interrupt that process: it tidies up",
    });
  try {
    return await step(context, "clean", `Clean the run ${id}`, async (progress) => {
      await checkOwner({ id, owner }, session, context);
      await checkBucket(session, id, context);
      const journal = openJournal(showRun(id, context), { clock: session.connection }, context);
      if (isNamed) await release(journal);
      const before = journal.record();
      const left = await cleanRun(before, { ...session, signal: context.signal }, context);
      context.signal.throwIfAborted();
      const after = showRun(id, context);
      const removed = removedBetween(before, after);
      if (left.length === 0) forgetKey(journal);
      for (const { kind, id: instance } of Object.values(after.ledger))
        if (kind === "instance" && instance !== undefined && left.length === 0)
          rmSync(join(context.directories.data, "keys", instance), { force: true });
      progress.note(`${removed.length} removed${left.length === 0 ? "" : `, ${left.length} left`}`);
      return { run: id, removed, left };
    });
  } finally {
    lock.release();
  }
}

/** The same, of runs whose account is not known. */
async function checkBucket({ store, bucket, title }: CloudSession, id: string, context: Context): Promise<void> {
  if (bucket === "") return;
  try {
    await store.checkBucket(bucket, context);
  } catch (error) {
    if (!(error instanceof CloudimgError) || error.code !== "cloud/denied") {
      if (error instanceof CloudimgError && error.code === "cloud/not-found") return;
      throw error;
    }
    fail("cloud/denied", `cannot clean the run ${id}: ${error.message}`, {
      hint: `use the credentials of ${title} that the run was made with`,
      cause: error,
    });
  }
}

function goingEntries(record: RunRecord, isNamed: boolean): string[] {
  const released = Object.values(record.ledger).filter(
    (entry) => isNamed && entry.state === "kept" && belongsToInstance(entry),
  );
  return [...outstanding(record).map(([, entry]) => entry), ...released].map(wordsFor);
}

/** What nobody ever saw was not there. */
function removedBetween(before: RunRecord, after: RunRecord): string[] {
  return Object.entries(after.ledger)
    .filter(
      ([key, { state, id }]) => state === "removed" && before.ledger[key]?.state !== "removed" && id !== undefined,
    )
    .map(([, entry]) => wordsFor(entry));
}

function wordsFor({ kind, id, name }: LedgerEntry): string {
  return kind === "object" || kind === "upload" ? `${kind} ${name}/${id ?? ""}` : `${kind} ${id ?? name}`;
}
