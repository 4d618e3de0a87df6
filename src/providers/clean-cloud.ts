import type { Context } from "../core/context.ts";
import { removeOutstanding } from "./clean-cloud-remove.ts";
import type { Cloud, Resource } from "./cloud.ts";
import { type Journal, openJournal } from "./journal.ts";
import { type LedgerEntry, outstanding, type RunRecord } from "./journal-record.ts";
import type { WriteFile } from "./journal-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { type Clock, waitTurn } from "./poll.ts";
import type { Leftover } from "./publish-cloud-request.ts";
import { settleMs } from "./publish-cloud-run.ts";

/** A cloud may not show for so long what it has made a moment ago, as for a run that was killed just now. */
const unshownMs = 20_000;

/** Cleaning has a deadline of its own, whatever became of the run. */
export const cleaningTimeoutMs = 15 * 60_000;

export interface CleaningTools {
  readonly cloud: Cloud;
  readonly store: Pick<ObjectStore, "remove">;
  readonly connection: Clock;
  readonly write?: WriteFile | undefined;
  /** Ends the cleaning, where that is all that is done: what is left then stays in the journal. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Removes what a run has made and not published, and gives what is left. The run does not go on afterwards. Whoever calls this holds the lock of the run's scope, and its
 * cloud is that of the run: same account and region.
 */
export async function cleanRun(record: RunRecord, tools: CleaningTools, context: Context): Promise<Leftover[]> {
  const journal = openJournal(record, { clock: tools.connection, write: tools.write }, context);
  const left = await cleanJournal(journal, tools, () => true, context);
  const isOver = record.state === "done" || record.state === "failed";
  if (!isOver && left.length === 0) await journal.change({ state: "cleaned" });
  return left;
}

/** Removes the wanted entries of a ledger. The context's signal (a Ctrl-C) does not end it, that of the tools does. Never throws. */
export async function cleanJournal(
  journal: Journal,
  { cloud, store, connection: clock, signal }: CleaningTools,
  wanted: (entry: LedgerEntry) => boolean,
  context: Context,
): Promise<Leftover[]> {
  const ends = [AbortSignal.timeout(cleaningTimeoutMs), ...(signal === undefined ? [] : [signal])];
  const calm = { ...context, signal: AbortSignal.any(ends) };
  const limits = { timeoutMs: cleaningTimeoutMs, settleMs };
  await removeOutstanding({ cloud, store, journal, clock, context: calm, wanted, ...limits });
  return leftoversOf(journal.record(), wanted);
}

/** What is, or may be, still there. */
export function leftoversOf(record: RunRecord, wanted: (entry: LedgerEntry) => boolean = () => true): Leftover[] {
  return outstanding(record).flatMap(([, entry]) => {
    const { kind, id, region, name, fault } = entry;
    return wanted(entry) ? [{ kind, id, region, name, fault }] : [];
  });
}

export interface TagCleaning {
  /** Of one run. Undefined: of every run that is not spared. */
  readonly run?: string | undefined;
  /** Runs that are at work now. */
  readonly spare: ReadonlySet<string>;
  /** Younger things may belong to a run on another machine. What a cloud tells no age of is as old as its run; where that is not known either, it is removed only if its run is named. */
  readonly olderThanMs: number;
}

/**
 * Removes what instances, and all that belongs to them, have left in the cloud, without any journal: by its tags. Images are not touched, for published ones carry the same
 * tags; nor are objects, which have none.
 */
export async function cleanByTags(
  wish: TagCleaning,
  { cloud, connection }: Pick<CleaningTools, "cloud" | "connection">,
  context: Context,
): Promise<{ readonly removed: Resource[]; readonly left: Leftover[] }> {
  const deadlineMs = connection.now() + cleaningTimeoutMs;
  let quietSinceMs = connection.now();
  const quietMs = wish.run === undefined && wish.olderThanMs >= unshownMs ? 0 : unshownMs;
  const seen = new Map<string, Resource>();
  const faults = new Map<string, string>();
  for (let n = 0; ; n++) {
    const there = await foundByTags(wish, { cloud, connection }, context);
    const left = new Map(there.map((resource) => [`${resource.kind} ${resource.region} ${resource.id}`, resource]));
    if (left.size > 0) quietSinceMs = connection.now();
    const isQuiet = left.size === 0 && connection.now() - quietSinceMs >= quietMs;
    if (isQuiet || connection.now() > deadlineMs) {
      const removed = [...seen].filter(([key]) => !left.has(key)).map(([, resource]) => resource);
      return { removed, left: [...left].map(([key, resource]) => ({ ...resource, fault: faults.get(key) })) };
    }
    for (const [key, resource] of left) {
      seen.set(key, resource);
      await cloud.instances.remove(resource, context).catch((error: unknown) => {
        context.signal.throwIfAborted();
        faults.set(key, error instanceof Error ? error.message : String(error));
      });
    }
    await waitTurn(n, connection, context.signal);
  }
}

/** What `cleanByTags` would remove now. */
export async function foundByTags(
  wish: TagCleaning,
  { cloud, connection }: Pick<CleaningTools, "cloud" | "connection">,
  context: Context,
): Promise<Resource[]> {
  const all = await cloud.instances.resources(wish.run === undefined ? {} : { run: wish.run }, context);
  return all.filter((resource) => isWanted(resource, wish, connection.now()));
}

function isWanted({ run, createdAt }: Resource, wish: TagCleaning, nowMs: number): boolean {
  if (wish.run !== undefined) return run === undefined || run === wish.run;
  if (run !== undefined && wish.spare.has(run)) return false;
  const madeMs = createdAt === undefined ? startOf(run) : Date.parse(createdAt);
  return madeMs !== undefined && nowMs - madeMs >= wish.olderThanMs;
}

/** When a run began, which its id says. Milliseconds since 1970. */
function startOf(run: string | undefined): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-[0-9a-f]{6}$/.exec(run ?? "")?.slice(1);
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day, hour, minute, second] = parts.map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
