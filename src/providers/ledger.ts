import { canonicalDigest } from "../core/canonical-json.ts";
import type { Resource } from "./cloud.ts";
import type { Journal } from "./journal.ts";
import type { LedgerEntry } from "./journal-record.ts";
import type { Clock } from "./poll.ts";

/** What is to be made. */
export type Intent = Pick<LedgerEntry, "kind" | "region" | "name" | "id" | "launch">;

/** Writes down that a thing is about to be made, before the cloud is asked; the entry of an earlier try that was cut off stays as it is, token and all. */
export async function intend(journal: Journal, key: string, intent: Intent, clock: Clock): Promise<LedgerEntry> {
  const record = journal.record();
  const before = record.ledger[key];
  if (before !== undefined && before.state !== "removed") return before;
  const generation = before === undefined ? 0 : before.generation + 1;
  const token = canonicalDigest([record.id, key, generation]).slice(0, 32);
  const entry: LedgerEntry = { ...intent, state: "intended", token, intendedAtMs: clock.now(), generation };
  await journal.change({ ledger: { [key]: entry } });
  return entry;
}

/** Changes an entry that is there. */
export async function mark(
  journal: Journal,
  key: string,
  change: Partial<Pick<LedgerEntry, "state" | "id" | "handle" | "fault">>,
): Promise<LedgerEntry> {
  const before = journal.record().ledger[key];
  if (before === undefined) throw new TypeError(`the ledger has no ${key}`);
  const entry = { ...before, ...change };
  await journal.change({ ledger: { [key]: entry } });
  return entry;
}

/**
 * Writes down a thing that is there, as the cloud names it. Told twice, it is written once.
 *
 * @param isMade it was made, or used, just now; else it was listed
 */
export async function found(journal: Journal, resource: Resource, clock: Clock, isMade: boolean): Promise<void> {
  const { ledger } = journal.record();
  const { kind, id, region, name = "" } = resource;
  const known = Object.entries(ledger).find(([, entry]) => entry.kind === kind && entry.id === id);
  if (known !== undefined) {
    // One that was removed and is still listed for a while is no news; but what has its name as its id, as key pairs have, may have been made again.
    if ((isMade || id === name) && known[1].state === "removed") await mark(journal, known[0], { state: "made" });
    return;
  }
  const entry: LedgerEntry = {
    kind,
    id,
    region,
    name,
    state: "made",
    token: "",
    intendedAtMs: clock.now(),
    generation: 0,
  };
  await journal.change({ ledger: { [`${kind}:${id}`]: entry } });
}

/** From here on what was made is the user's, and meant to stay: all of it, or what is wanted. */
export async function keepMade(
  journal: Journal,
  isWanted: (entry: LedgerEntry) => boolean = () => true,
): Promise<void> {
  for (const [key, entry] of Object.entries(journal.record().ledger))
    if (entry.state === "made" && isWanted(entry)) await mark(journal, key, { state: "kept" });
}

/** What an entry is to `remove` of a cloud. Undefined while its id is not known. */
export function resourceOf({ kind, id, region, name }: LedgerEntry): Resource | undefined {
  return id === undefined ? undefined : { kind, id, region, name };
}
