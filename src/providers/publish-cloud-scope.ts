import { rmSync } from "node:fs";
import { join } from "node:path";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { Context } from "../core/context.ts";
import { cleanRun } from "./clean-cloud.ts";
import { type Journal, newJournal, openJournal } from "./journal.ts";
import type { Lock } from "./journal-lock.ts";
import { outstanding, type RunRecord, type RunScope } from "./journal-record.ts";
import { takeScope } from "./journal-scope.ts";
import { listRuns } from "./journal-store.ts";
import { type Clock, waitTurn } from "./poll.ts";
import type { ImportRunRequest } from "./publish-cloud-request.ts";
import { cloudImageName, importInputs } from "./publish-cloud-run.ts";

export function scopeOf({
  cloud,
  configuration,
  profile,
}: Pick<ImportRunRequest, "cloud" | "configuration" | "profile">): RunScope {
  return { cloud: cloud.name, region: configuration.region, account: configuration.account, profile };
}

/** Waits until no other publish of the same profile is at work. */
export async function holdScope(scope: RunScope, clock: Clock, context: Context): Promise<Lock> {
  for (let n = 0; ; n++) {
    context.signal.throwIfAborted();
    const lock = takeScope(scope, context);
    if (!("holder" in lock)) return lock;
    if (n === 0) {
      const message = `another publish of ${scope.profile} to ${scope.cloud} is at work (process ${lock.holder.pid})`;
      context.emit({ type: "log", level: "info", message, hint: "this one goes on when that one is done" });
    }
    await waitTurn(n, clock, context.signal);
  }
}

/**
 * The run that was cut off, if it was of the very same image, else a new one. What a cut-off run of another image has left is removed first: nobody will go on with it.
 */
export async function openRun(request: ImportRunRequest, context: Context): Promise<Journal> {
  const { connection: clock, image, write } = request;
  const scope = scopeOf(request);
  const inputs = importInputs(request);
  const unfinished = listRuns(context).filter((run): run is RunRecord => "scope" in run && isUnfinished(run, scope));
  const mine = unfinished.findLast((run) => run.inputs === inputs && isResumable(run));
  for (const run of unfinished) if (run !== mine) await clear(run, request, context);
  if (mine === undefined) {
    const owner = await request.owner?.(context);
    const run = { scope, owner, inputs, identity: image.identity, imageName: cloudImageName(request) };
    return await newJournal(run, { clock, write }, context);
  }
  context.emit({ type: "log", level: "info", message: `going on with the run ${mine.id}` });
  const journal = openJournal(mine, { clock, write }, context);
  await journal.change({ state: "running", error: undefined });
  return journal;
}

function isResumable({ state }: RunRecord): boolean {
  return state === "running" || state === "interrupted";
}

function isUnfinished(run: RunRecord, scope: RunScope): boolean {
  if (canonicalDigest(run.scope) !== canonicalDigest(scope)) return false;
  return isResumable(run) || outstanding(run).length > 0;
}

async function clear(run: RunRecord, request: ImportRunRequest, context: Context): Promise<void> {
  const left = await cleanRun(run, request, context);
  context.signal.throwIfAborted();
  if (left.length === 0) return;
  const things = left
    .map(({ kind, id, name, fault }) => `${kind} ${id ?? name} (${fault ?? "not gone yet"})`)
    .join(", ");
  const message = `an earlier run, ${run.id}, has left ${things}`;
  context.emit({ type: "log", level: "warning", message, hint: `remove it: cloudimg clean ${run.id}` });
}

/** The keys of a run open nothing, and prove nothing, any more when its instance is gone. */
export function forgetKey(journal: Journal): void {
  for (const name of ["key", "host-key"]) rmSync(join(journal.directory, name), { force: true });
}
