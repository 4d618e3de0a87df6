import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Context, step } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import { cleanByTags, cleanJournal } from "../providers/clean-cloud.ts";
import { belongsToInstance, endForeignInstance, release } from "../providers/clean-cloud-instance.ts";
import type { InstanceState } from "../providers/cloud.ts";
import { openJournal } from "../providers/journal.ts";
import type { RunRecord } from "../providers/journal-record.ts";
import { takeScope } from "../providers/journal-scope.ts";
import { listRuns, showRun } from "../providers/journal-store.ts";
import { persist } from "../providers/poll.ts";
import type { Leftover } from "../providers/publish-cloud-request.ts";
import { forgetKey } from "../providers/publish-cloud-scope.ts";
import { type CloudOptions, unknownName } from "./cloud-options.ts";
import { type CloudAccess, type CloudSession, openCloud } from "./cloud-session.ts";

export interface TerminateOptions extends CloudOptions {
  /** Also what cloudimg has not made. */
  readonly force?: boolean;
}

export interface Terminated {
  readonly id: string;
  readonly run: string | undefined;
  readonly left: readonly Leftover[];
}

/**
 * Ends instances, with what belongs to them, and waits until they are gone. Before the first is touched, all are looked for.
 *
 * Errors: `cloud/not-found`, `cloud/refused` for those that are not ours, `cloud/busy` if a run is at work with it.
 */
export async function terminateInstances(
  ids: readonly string[],
  options: TerminateOptions,
  context: Context,
  access?: CloudAccess,
): Promise<Terminated[]> {
  const session = await openCloud(options.provider, { region: options.region }, context, access);
  const found: InstanceState[] = [];
  for (const id of new Set(ids)) found.push(await mustFind(id, "terminate", session, context));
  const foreign = found.filter(({ tags }) => tags["cloudimg:run"] === undefined);
  if (foreign.length > 0 && options.force !== true)
    throw new CloudimgError(
      foreign.map(({ id, name }) => ({
        code: "cloud/refused",
        message: `cannot terminate ${id}${name ? ` (${name})` : ""}: cloudimg has not launched it`,
        hint: "--force ends it nevertheless",
      })),
    );
  const ended: Terminated[] = [];
  for (const instance of found) ended.push(await end(instance, session, context));
  return ended;
}

/** Errors: `cloud/not-found`. */
export async function mustFind(
  id: string,
  verb: string,
  { cloud, connection: clock, region, title, name }: CloudSession,
  context: Context,
): Promise<InstanceState> {
  const patience = { clock, signal: context.signal, what: `look for the instance ${id}`, timeoutMs: 60_000 };
  const [found] = await persist(patience, () => cloud.instances.find({ id }, context)).catch((error: unknown) => {
    // Some refuse an id that is none.
    if (error instanceof CloudimgError && ["cloud/not-found", "cloud/refused"].includes(error.code)) return [];
    throw error;
  });
  if (found !== undefined && found.state !== "gone") return found;
  const known = (await cloud.instances.find({}, context)).filter(({ state }) => state !== "gone");
  const ids = known.map((instance) => instance.id);
  const message = `cannot ${verb} ${id}: ${title} has no such instance in ${region}`;
  return unknownName(message, id, ids, `cloudimg instances -p ${name} --region ${region}`);
}

async function end(instance: InstanceState, session: CloudSession, context: Context): Promise<Terminated> {
  const { id, tags } = instance;
  const run = tags["cloudimg:run"];
  const left = await step(context, "terminate", `End ${id}`, async () => {
    if (run === undefined) {
      await endForeignInstance(id, session.region, session, context);
      return [];
    }
    const record = listRuns(context).find((known): known is RunRecord => known.id === run && "ledger" in known);
    if (record !== undefined) return await endRecorded(id, record, session, context);
    return (await cleanByTags({ run, spare: new Set(), olderThanMs: 0 }, session, context)).left;
  });
  rmSync(join(context.directories.data, "keys", id), { force: true });
  return { id, run, left };
}

async function endRecorded(
  id: string,
  { id: run, scope }: RunRecord,
  session: CloudSession,
  context: Context,
): Promise<Leftover[]> {
  const lock = takeScope(scope, context);
  if ("holder" in lock)
    return fail("cloud/busy", `cannot terminate ${id}: its run ${run} is at work (process ${lock.holder.pid})`, {
      hint: "interrupt that process: it tidies up",
    });
  try {
    const journal = openJournal(showRun(run, context), { clock: session.connection }, context);
    await release(journal);
    const left = await cleanJournal(journal, { ...session, signal: context.signal }, belongsToInstance, context);
    context.signal.throwIfAborted();
    if (left.length === 0) forgetKey(journal);
    return left;
  } finally {
    lock.release();
  }
}
