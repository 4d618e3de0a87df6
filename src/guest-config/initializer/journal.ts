import type { Host } from "./host.ts";

const logPath = "/var/log/cloudimg-init.log";

/** Says on the console and in the log how each phase went. Scripts read these lines: their form is fixed. */
export class Journal {
  readonly phases: Record<string, number> = {};
  readonly errors: string[] = [];
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
    if (host.attributes(logPath) === undefined) attempt(() => host.writeFile(logPath, "", 0o644));
  }

  line(text: string): void {
    this.#host.append("/dev/console", `${text}\n`);
    this.#host.append(logPath, `${text}\n`);
  }

  /** `work` gives a few words on what was done, or nothing if there was nothing to say. Whatever it throws is reported; undefined then. */
  phase<T>(
    name: string,
    work: (problem: (text: string) => void) => { said?: string | undefined; value: T },
  ): T | undefined {
    const startedMs = this.#host.nowMs();
    const problem = (text: string) => {
      this.errors.push(`${name}: ${text}`);
      this.line(`cloudimg-init: ${name}: failed: ${oneLine(text)}`);
    };
    let outcome: { said?: string | undefined; value: T } | undefined;
    try {
      outcome = work(problem);
    } catch (error) {
      problem(error instanceof Error ? error.message : String(error));
    }
    const ms = Math.round(this.#host.nowMs() - startedMs);
    this.phases[name] = ms;
    if (outcome?.said !== undefined) this.line(`cloudimg-init: ${name}: ${oneLine(outcome.said)} (${ms} ms)`);
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
