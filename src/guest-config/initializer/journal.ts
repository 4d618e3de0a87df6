import type { Host } from "./host.ts";
import type { Report } from "./report.ts";
import type { StageStatus, stageNames } from "./status.ts";

const logPath = "/var/log/cloudimg-init.log";
/** A document can have any number of faults, and a serial console takes its time for each. */
const mostProblems = 100;

/** Says on the console and in the log how each phase went. Scripts read these lines: their form is fixed. */
export class Journal implements Report {
  readonly phases: Record<string, number> = {};
  readonly errors: string[] = [];
  readonly #stages: { name: StageStatus["name"]; startMs: number; endMs?: number; errors: string[] }[] = [];
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
    if (host.attributes(logPath) === undefined) attempt(() => host.writeFile(logPath, "", 0o640));
  }

  line(text: string): void {
    this.#host.append("/dev/console", `${text}\n`);
    this.#host.append(logPath, `${text}\n`);
  }

  /** Ends the stage before it. */
  stage(name: (typeof stageNames)[number]): void {
    this.endStage();
    this.#stages.push({ name, startMs: this.#host.clockMs(), errors: [] });
  }

  endStage(): void {
    const last = this.#stages.at(-1);
    if (last !== undefined) last.endMs ??= this.#host.clockMs();
  }

  get stages(): readonly StageStatus[] {
    return this.#stages;
  }

  said(step: string, text: string): void {
    this.line(`cloudimg-init: ${step}: ${oneLine(text)}`);
  }

  problem(step: string, text: string): void {
    const isLast = this.errors.length === mostProblems;
    const shown = isLast ? "further problems are not told" : oneLine(text);
    const entry = `${step}: ${shown}`;
    if (this.errors.length > mostProblems || this.errors.includes(entry)) return;
    this.errors.push(entry);
    this.#stages.at(-1)?.errors.push(entry);
    this.line(`cloudimg-init: ${step}: failed: ${shown}`);
  }

  /** `work` gives a few words on what was done, or nothing if there was nothing to say. Whatever it throws is reported; undefined then. */
  phase<T>(
    name: string,
    work: (problem: (text: string) => void) => { said?: string | undefined; value: T },
  ): T | undefined {
    const startedMs = this.#host.nowMs();
    const problem = (text: string) => this.problem(name, text);
    let outcome: { said?: string | undefined; value: T } | undefined;
    try {
      outcome = work(problem);
    } catch (error) {
      problem(error instanceof Error ? error.message : String(error));
    }
    const ms = Math.round(this.#host.nowMs() - startedMs);
    this.phases[name] = (this.phases[name] ?? 0) + ms;
    if (outcome?.said !== undefined) this.said(name, `${oneLine(outcome.said)} (${ms} ms)`);
    return outcome?.value;
  }
}

/** A drive could hold line breaks and escape sequences; on the console they would pass for lines of ours. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: taking them out is the purpose
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").slice(0, 300);
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // No log, then: the console has the same lines.
  }
}
