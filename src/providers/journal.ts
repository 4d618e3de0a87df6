import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { Context } from "../core/context.ts";
import type { LedgerEntry, RunRecord, RunScope, RunState, StepRecord } from "./journal-record.ts";
import { runDirectory, type WriteFile, writeDurably } from "./journal-store.ts";
import type { Clock } from "./poll.ts";

/** The record of one run, on disk before anything relies on it. */
export interface Journal {
  readonly directory: string;
  /** As it is now, in memory: if the disk is full it knows more than the file. */
  record(): RunRecord;
  /** The result of a step that is done with the same inputs. Undefined is no result. */
  result<T>(name: string, inputs: unknown): T | undefined;
  /**
   * Does a step, unless it is done, and records its result before it returns. A step that was cut off is done again, so it must look first at what it did.
   * Results are JSON.
   */
  step<T>(name: string, inputs: unknown, work: () => Promise<T>): Promise<T>;
  /** Writes down ledger entries or the state of the run, or that a step's result counts no more. Errors: `host/no-space`, `host/not-writable`. */
  change(change: JournalChange): Promise<void>;
}

export interface JournalChange {
  readonly ledger?: Readonly<Record<string, LedgerEntry>>;
  readonly state?: RunState;
  readonly error?: string | undefined;
  /** Names of steps. */
  readonly forget?: readonly string[];
}

export interface JournalOptions {
  readonly clock: Clock;
  readonly write?: WriteFile | undefined;
}

export interface NewRun {
  readonly scope: RunScope;
  readonly owner?: string | undefined;
  readonly inputs: string;
  readonly identity: string;
  readonly imageName: string;
}

/** Starts a run: its record is on disk when this returns. */
export async function newJournal(run: NewRun, options: JournalOptions, context: Context): Promise<Journal> {
  const startedAtMs = options.clock.now();
  const time = new Date(startedAtMs)
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, "")
    .replace("T", "-");
  const id = `${time}-${randomBytes(3).toString("hex")}`;
  const empty = { steps: {}, ledger: {} };
  const times = { startedAtMs, updatedAtMs: startedAtMs };
  const journal = openJournal({ version: 1, id, ...run, ...times, state: "running", ...empty }, options, context);
  await journal.change({});
  return journal;
}

/** Goes on with the record of a run. Whoever does this holds the lock of its scope. */
export function openJournal(
  record: RunRecord,
  { clock, write = writeDurably }: JournalOptions,
  context: Context,
): Journal {
  const directory = runDirectory(record.id, context);
  const path = join(directory, "run.json");
  let now = record;
  let last: Promise<void> = Promise.resolve();
  /** Regions report at the same time: writes go one after the other, each of what is known when its turn comes. */
  const save = (): Promise<void> => {
    const turn = last.then(() => write(path, `${JSON.stringify(now, undefined, 2)}\n`));
    last = turn.catch(() => {});
    return turn;
  };
  const update = (change: Partial<RunRecord>): Promise<void> => {
    now = { ...now, ...change, updatedAtMs: clock.now() };
    return save();
  };
  const setStep = (name: string, step: StepRecord) => update({ steps: { ...now.steps, [name]: step } });

  const result = <T>(name: string, inputs: unknown): T | undefined => {
    const step = now.steps[name];
    return step?.state === "done" && step.key === stepKey(name, inputs) ? (step.result as T) : undefined;
  };
  return {
    directory,
    record: () => now,
    result,
    async step(name, inputs, work) {
      const known = result<Awaited<ReturnType<typeof work>>>(name, inputs);
      if (known !== undefined) return known;
      const begun = { key: stepKey(name, inputs), startedAtMs: clock.now() };
      await setStep(name, { ...begun, state: "begun" });
      try {
        const value = await work();
        await setStep(name, { ...begun, state: "done", finishedAtMs: clock.now(), result: value });
        return value;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        // If this cannot be written down either, the first error is the one to tell.
        await setStep(name, { ...begun, state: "failed", finishedAtMs: clock.now(), error: message }).catch(() => {});
        throw error;
      }
    },
    change({ ledger, forget = [], ...rest }) {
      const steps = Object.fromEntries(Object.entries(now.steps).filter(([name]) => !forget.includes(name)));
      return update({ ...rest, steps, ledger: { ...now.ledger, ...ledger } });
    },
  };
}

function stepKey(name: string, inputs: unknown): string {
  return canonicalDigest([name, inputs]).slice(0, 32);
}
