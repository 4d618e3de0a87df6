import type { Context } from "../core/context.ts";
import type { Cloud, ImageState, Resource } from "./cloud.ts";
import type { Journal } from "./journal.ts";
import { type LedgerEntry, outstanding } from "./journal-record.ts";
import { found, mark, resourceOf } from "./ledger.ts";
import type { ObjectStore } from "./object-store.ts";
import { type Clock, waitTurn } from "./poll.ts";
import { isPassing } from "./poll-passing.ts";
import { isPushedConsole } from "./pushed-console.ts";

/** What holds others comes first: a security group is in use until its instance is gone. */
const order: readonly Resource["kind"][] = [
  ...(["instance", "address", "key-pair", "security-group", "subnet", "network"] as const),
  ...(["image", "snapshot", "upload", "object"] as const),
];

/** An instance that was seen while we cleaned is gone when it is missed so often in a row: a cloud's lists are not all of the same moment. */
const missedTwice = 2;

/** A refusal that does not pass by itself is believed after so many. */
const believedRefusals = 5;

export interface Cleaning {
  readonly cloud: Cloud;
  readonly store: Pick<ObjectStore, "remove">;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Its signal is the cleaning's own: it goes on after a Ctrl-C. */
  readonly context: Context;
  /** Which entries to remove. */
  readonly wanted: (entry: LedgerEntry) => boolean;
  readonly timeoutMs: number;
  /** How long a thing that was asked for may take to be seen. */
  readonly settleMs: number;
}

/**
 * Removes what the ledger holds, and what the cloud has of this run beyond it: each is tried again until it is gone, or the deadline passes, and one that refuses does not stop the
 * others. Never throws: what is left is in the ledger, each with its last fault. A journal that cannot be written (disk full) does not stop it either.
 */
export async function removeOutstanding(cleaning: Cleaning): Promise<void> {
  const { journal, clock, context, timeoutMs } = cleaning;
  const deadlineMs = clock.now() + timeoutMs;
  const refusals = new Map<string, number>();
  const sightings: Sightings = { seen: new Set(), missed: new Map() };
  for (let n = 0; ; n++) {
    const hasLooked = await discover(cleaning, refusals, sightings);
    const entries = toRemove(cleaning, refusals);
    // All is gone, or refuses for good, and the cloud has been asked once more what it has.
    if (entries.length === 0 && (hasLooked || isRefused(refusals, looking))) return;
    for (const [key, entry] of entries) {
      try {
        if (await removeEntry(cleaning, entry, hasLooked, sightings))
          await quietly(mark(journal, key, { state: "removed", fault: undefined }));
      } catch (error) {
        refuse(refusals, key, error);
        await quietly(mark(journal, key, { fault: error instanceof Error ? error.message : String(error) }));
      }
    }
    if (clock.now() >= deadlineMs || context.signal.aborted) return;
    if (!hasLooked || toRemove(cleaning, refusals).length > 0) await quietly(waitTurn(n, clock, context.signal));
  }
}

function toRemove({ journal, wanted }: Cleaning, refusals: ReadonlyMap<string, number>): [string, LedgerEntry][] {
  const there = outstanding(journal.record());
  // As long as its instance is there, it may be put again.
  const hasInstance = there.some(([, { kind }]) => kind === "instance");
  return there
    .filter(([key, entry]) => wanted(entry) && !isRefused(refusals, key) && !(hasInstance && isPushedConsole(entry)))
    .sort(([, a], [, b]) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

const looking = "";

function isRefused(refusals: ReadonlyMap<string, number>, key: string): boolean {
  return (refusals.get(key) ?? 0) >= believedRefusals;
}

function refuse(refusals: Map<string, number>, key: string, error: unknown): void {
  if (!isPassing(error)) refusals.set(key, (refusals.get(key) ?? 0) + 1);
}

/** By their ids, what the cloud has shown us while we clean, and how often in a row it has not since. */
interface Sightings {
  readonly seen: Set<string>;
  readonly missed: Map<string, number>;
}

/** True: gone. False: to be asked again. */
async function removeEntry(
  cleaning: Cleaning,
  entry: LedgerEntry,
  hasLooked: boolean,
  { seen, missed }: Sightings,
): Promise<boolean> {
  const { cloud, store, clock, context, settleMs } = cleaning;
  if (entry.kind === "image") return await removeImages(cleaning, entry);
  const resource = resourceOf(entry);
  // Nobody has ever seen it: it is not there, once the cloud would show it.
  if (resource === undefined) return hasLooked && clock.now() - entry.intendedAtMs > settleMs;
  if (entry.kind === "object" || entry.kind === "upload") {
    await store.remove(entry.name, resource.id, context);
    return true;
  }
  if (entry.kind !== "instance") {
    await cloud.instances.remove(resource, context);
    return true;
  }
  const refusal = await cloud.instances.remove(resource, context).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  // To accept an order is not to carry it out: an instance counts as gone when it is.
  const [state] = await cloud.instances.find({ id: resource.id }, context);
  if (state !== undefined) {
    seen.add(resource.id);
    missed.delete(resource.id);
  }
  if (refusal !== undefined) throw refusal.error;
  if (state !== undefined) return state.state === "gone";
  const misses = (missed.get(resource.id) ?? 0) + 1;
  missed.set(resource.id, misses);
  // One that was made just now may not be seen yet, and then the order went nowhere.
  return clock.now() - entry.intendedAtMs > settleMs || (seen.has(resource.id) && misses >= missedTwice);
}

async function removeImages(
  { cloud, journal, clock, context, settleMs }: Cleaning,
  entry: LedgerEntry,
): Promise<boolean> {
  const { handle, region, name, intendedAtMs } = entry;
  const tags = { "cloudimg:run": journal.record().id };
  const seen: ImageState[] = [
    ...(handle === undefined ? [] : await cloud.images.find({ handle }, context)),
    ...(await cloud.images.find({ region, name, tags }, context)),
  ];
  for (const [id, image] of new Map(seen.map((image) => [image.id, image]))) {
    if (id !== "") await cloud.images.remove(image, context);
  }
  // One that is still made, and not shown yet, will be there: nothing has been removed.
  if (seen.some(({ id, state }) => id === "" && state === "pending")) return false;
  return seen.length > 0 || clock.now() - intendedAtMs > settleMs;
}

/** Asks the cloud what it has of this run, and writes down what we did not know. False: it did not answer. */
async function discover(
  cleaning: Cleaning,
  refusals: Map<string, number>,
  { seen, missed }: Sightings,
): Promise<boolean> {
  const { cloud, journal, clock, context } = cleaning;
  if (isRefused(refusals, looking)) return false;
  try {
    const { id: run } = journal.record();
    for (const resource of await cloud.instances.resources({ run }, context)) {
      seen.add(resource.id);
      missed.delete(resource.id);
      await quietly(note(journal, resource, clock, false));
    }
    return true;
  } catch (error) {
    refuse(refusals, looking, error);
    return false;
  }
}

/** What was asked for and never seen gets its id; anything else is an entry of its own. */
export async function note(journal: Journal, resource: Resource, clock: Clock, isMade: boolean): Promise<void> {
  const unseen = Object.entries(journal.record().ledger).find(
    ([, entry]) => entry.state === "intended" && entry.kind === resource.kind && entry.id === undefined,
  );
  if (unseen !== undefined && resource.kind === "instance")
    await mark(journal, unseen[0], { state: "made", id: resource.id });
  else await found(journal, resource, clock, isMade);
}

/** What cannot be written down is remembered all the same: cleaning goes on. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => {});
}
