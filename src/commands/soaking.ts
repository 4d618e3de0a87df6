import { dirname, join, resolve } from "node:path";
import { type Context, step } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { writeAt, writeOutput } from "../core/output.ts";
import { takeLock } from "../providers/journal-lock.ts";
import { showName } from "../report/names.ts";
import type { SoakFacts } from "../report/soak-facts.ts";
import { soakPage } from "../report/soak-page.ts";
import { duration, percentage } from "../report/soak-scales.ts";
import { openSoakFile, type SoakFile } from "../smoke/soak-file.ts";
import type { SoakLine } from "../smoke/soak-record.ts";
import { hostClock, runSoak, type SoakClock } from "../smoke/soak-run.ts";
import { addLine, checkFigures, observedMs } from "../smoke/soak-summary.ts";
import { soakFacts, soakSeries } from "./soaking-facts.ts";
import type { SoakOptions, SoakTarget } from "./soaking-target.ts";

export interface SoakResult {
  readonly facts: SoakFacts;
  readonly files: { readonly report: string; readonly state: string };
}

/** So often the report is written. */
const reportMs = 60_000;
const newsMs = 3600_000;

/**
 * Watches a target until it has been observed for as long as asked, or the run is interrupted; then the same call goes on.
 *
 * Errors: `usage/arguments` if the file of samples is another's; `host/…` if files cannot be written.
 */
export async function soakInstance(
  target: SoakTarget,
  options: SoakOptions,
  context: Context,
  clock: SoakClock = hostClock,
): Promise<SoakResult> {
  const state = resolve(options.state ?? join(context.directories.data, "soaks", `${target.name}.jsonl`));
  const report = resolve(options.report ?? `soak-${target.name}.html`);
  makeDirectory(dirname(state), { hint: "name another file with --state", mode: 0o700 });
  const lock = takeLock(`${state}.lock`);
  if ("holder" in lock)
    fail("host/not-writable", `cannot write ${state}: another soak is at work on it (process ${lock.holder.pid})`, {
      hint: "name another file with --state, or end the other one",
    });
  try {
    const file = await openSoakFile(state, target.words, { restart: options.restart === true });
    try {
      return { facts: await watch({ target, options, context, clock, file, report }), files: { report, state } };
    } finally {
      await file.close();
    }
  } finally {
    lock.release();
  }
}

interface Watch {
  readonly target: SoakTarget;
  readonly options: SoakOptions;
  readonly context: Context;
  readonly clock: SoakClock;
  readonly file: SoakFile;
  /** Path. */
  readonly report: string;
}

async function watch(work: Watch): Promise<SoakFacts> {
  const { target, options, context, clock, file } = work;
  const { summary } = file;
  const leftMs = () => options.duration - observedMs(summary);
  tellBeginning(work, leftMs());
  const add = persistent(work);
  if (leftMs() > 0) await add({ start: clock.now(), intervalMs: options.interval, timeoutMs: options.timeout });
  let reportedMs = Number.NEGATIVE_INFINITY;
  let toldMs = observedMs(summary);
  await step(context, "soak", `Watch ${target.name} for ${duration(options.duration)}`, async (progress) => {
    await runSoak({
      ...{ checks: target.checks, intervalMs: options.interval, timeoutMs: options.timeout, leftMs, clock },
      signal: context.signal,
      async onSample(sample) {
        await add(sample);
        if (Math.abs(clock.now() - reportedMs) >= reportMs) {
          reportedMs = clock.now();
          await writeReport(work, "running").catch((error: unknown) => warn(context, error));
        }
        if (observedMs(summary) - toldMs >= newsMs) {
          toldMs = observedMs(summary);
          context.emit({ type: "log", level: "info", message: standing(work) });
        }
      },
    });
    progress.note(standing(work));
  });
  return await writeReport(work, leftMs() > 0 ? "interrupted" : "done");
}

function tellBeginning({ file, options, context }: Watch, leftMs: number): void {
  const { summary, unreadable } = file;
  const tell = (message: string, hint?: string) => context.emit({ type: "log", level: "info", message, hint });
  if (unreadable === 1) tell("a line of the file of samples was cut off, and is left out");
  else if (unreadable > 1) tell(`${unreadable} lines of the file of samples were cut off, and are left out`);
  if (summary.samples === 0) return;
  const seen = duration(observedMs(summary));
  if (leftMs > 0) tell(`going on: ${seen} of ${duration(options.duration)} have been observed`);
  else tell(`nothing to do: ${seen} have been observed`, "--restart begins anew; a longer --duration goes on");
}

/** Says what each line brings, and goes on without the disk if it has to: the summary in memory has it. */
function persistent({ file, context }: Watch): (line: SoakLine) => Promise<void> {
  let isFailing = false;
  return async (line) => {
    for (const { isBad, message } of addLine(file.summary, line))
      context.emit({ type: "log", level: isBad ? "warning" : "info", message: showName(message) });
    try {
      await file.append(line);
      isFailing = false;
    } catch (error) {
      if (!isFailing) warn(context, error);
      isFailing = true;
    }
  };
}

function warn(context: Context, error: unknown): void {
  if (!(error instanceof CloudimgError)) throw error;
  const hint = "watching goes on; what is seen meanwhile is lost if this process ends before the disk has room again";
  context.emit({ type: "log", level: "warning", message: error.message, hint });
}

async function writeReport(work: Watch, state: SoakFacts["state"]): Promise<SoakFacts> {
  const { target, options, file, report } = work;
  const facts = soakFacts(target, options, file.summary, state);
  const bytes = Buffer.from(soakPage(facts, soakSeries(file.summary)));
  // After a Ctrl-C too.
  const calm = { signal: new AbortController().signal };
  await writeOutput(report, calm, (fd) => writeAt(fd, bytes, 0));
  return facts;
}

/** `24 h: ssh 100 %, http 99.98 %`. */
function standing({ file: { summary } }: Watch): string {
  const figures = checkFigures(summary).map(({ name, availability }) => `${name} ${percentage(availability)}`);
  return figures.length === 0 ? "nothing seen" : `${duration(observedMs(summary))}: ${figures.join(", ")}`;
}
