import type { Resource } from "../providers/cloud.ts";
import type { Clock } from "./clock.ts";

/** What a thing costs while it is there. */
export interface Rate {
  readonly perHour: number;
  /** `CNY` */
  readonly currency: string;
}

export interface LedgerEntry {
  readonly resource: Resource;
  readonly madeMs: number;
  /** Undefined: it is still there. */
  readonly removedMs?: number | undefined;
  readonly rate?: Rate | undefined;
}

/** All that was made in an emulated cloud, from the cloud's side: what our own records say does not count here. */
export interface CloudLedger {
  /** Errors: an Error if it is there already: ids are given once. */
  made(resource: Resource, rate?: Rate): void;
  /** Does nothing if it is gone. */
  removed(kind: Resource["kind"], id: string, region: string): void;
  /** Takes note of what has come and what has gone since it was last told all that is there. */
  observe(there: readonly Resource[]): void;
  /** What is there now, oldest first. */
  left(): Resource[];
  /** All that ever was, oldest first. */
  entries(): readonly LedgerEntry[];
  /** By currency, until now, each second that has begun. */
  bill(): ReadonlyMap<string, number>;
}

export function makeCloudLedger(clock: Pick<Clock, "now">): CloudLedger {
  const entries: { -readonly [Name in keyof LedgerEntry]: LedgerEntry[Name] }[] = [];
  const present = (kind: Resource["kind"], id: string, region: string) =>
    entries.find(
      ({ resource, removedMs }) =>
        removedMs === undefined && resource.kind === kind && resource.id === id && resource.region === region,
    );
  const keyOf = ({ kind, id, region }: Resource) => `${kind} ${region} ${id}`;
  return {
    entries: () => entries,
    observe(there) {
      const now = new Set(there.map(keyOf));
      const known = new Set<string>();
      for (const entry of entries) {
        if (entry.removedMs !== undefined) continue;
        known.add(keyOf(entry.resource));
        if (!now.has(keyOf(entry.resource))) entry.removedMs = clock.now();
      }
      for (const resource of there) if (!known.has(keyOf(resource))) entries.push({ resource, madeMs: clock.now() });
    },
    left: () => entries.filter(({ removedMs }) => removedMs === undefined).map(({ resource }) => resource),
    made(resource, rate) {
      const { kind, id, region } = resource;
      if (present(kind, id, region) !== undefined) throw new Error(`the ${kind} ${id} is in ${region} already`);
      entries.push({ resource, madeMs: clock.now(), rate });
    },
    removed(kind, id, region) {
      const entry = present(kind, id, region);
      if (entry !== undefined) entry.removedMs = clock.now();
    },
    bill() {
      const sums = new Map<string, number>();
      for (const { madeMs, removedMs = clock.now(), rate } of entries) {
        if (rate === undefined) continue;
        const hours = Math.ceil((removedMs - madeMs) / 1000) / 3600;
        sums.set(rate.currency, (sums.get(rate.currency) ?? 0) + hours * rate.perHour);
      }
      return sums;
    },
  };
}
