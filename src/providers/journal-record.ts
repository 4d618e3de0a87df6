import type { ImportHandle, Offer, Resource } from "./cloud.ts";

/** What keeps publishes apart: only runs of the same cloud, region, account and profile continue, replace and wait for one another. */
export interface RunScope {
  readonly cloud: string;
  readonly region: string;
  /** Anything that names the account: what another account has made cannot be cleaned with these credentials. */
  readonly account: string;
  readonly profile: string;
}

/**
 * - `running`: at work, or its process was killed
 * - `interrupted`: ended early, and goes on when the same is published again
 * - `failed`: ended for good; what it made has been removed
 * - `cleaned`: somebody has cleaned up after it; it does not go on
 */
export type RunState = "running" | "interrupted" | "done" | "failed" | "cleaned";

export interface StepRecord {
  /** Digest of the step's inputs: with others, its result does not count. */
  readonly key: string;
  readonly state: "begun" | "done" | "failed";
  readonly startedAtMs: number;
  readonly finishedAtMs?: number;
  /** JSON. */
  readonly result?: unknown;
  readonly error?: string;
}

/**
 * One thing that was made, or may have been: an entry is written before the cloud is asked.
 *
 * - `intended`: asked for, but the answer was never seen: it is found by token, name or tags, if it is there
 * - `made`: there
 * - `kept`: there, and meant to stay: a published image
 * - `removed`: gone, or never came to be
 */
export interface LedgerEntry {
  readonly kind: Resource["kind"];
  readonly region: string;
  /** Of an object: its bucket. */
  readonly name: string;
  readonly state: "intended" | "made" | "kept" | "removed";
  /** The same for each try to make it. */
  readonly token: string;
  readonly intendedAtMs: number;
  /** How many were made under this entry's name before, and are gone. */
  readonly generation: number;
  readonly id?: string | undefined;
  /** Of images: how the import is asked after. */
  readonly handle?: ImportHandle | undefined;
  /** Of instances. */
  readonly launch?: { readonly offer: Offer; readonly endsAtMs: number } | undefined;
  /** Why it could not be removed, the last time that was tried. */
  readonly fault?: string | undefined;
}

/** All that is known of one publish: a plain value, kept as JSON. It holds no secret. */
export interface RunRecord {
  readonly version: 1;
  readonly id: string;
  readonly scope: RunScope;
  /** The account's id, as the cloud tells it: with credentials of another all that the run has made would seem to be gone. */
  readonly owner?: string | undefined;
  /** Digest of what is imported: the same image, imported in the same way. */
  readonly inputs: string;
  /** SHA-256 of the raw disk. */
  readonly identity: string;
  readonly imageName: string;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  readonly state: RunState;
  readonly error?: string | undefined;
  readonly steps: Readonly<Record<string, StepRecord>>;
  readonly ledger: Readonly<Record<string, LedgerEntry>>;
}

/** What is, or may be, there, and is not meant to stay. */
export function outstanding(record: RunRecord): [key: string, entry: LedgerEntry][] {
  return Object.entries(record.ledger).filter(([, { state }]) => state === "intended" || state === "made");
}
