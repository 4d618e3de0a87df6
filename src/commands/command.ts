import type { Argument, Option } from "commander";
import type { Context } from "../core/context.ts";
import type { Terminal } from "../machine/interactive.ts";

/** What a verb is given besides its arguments: the work's context, and standard output for its result. */
export interface Invocation<Options = Record<string, unknown>> {
  readonly args: readonly string[];
  readonly options: Options & GlobalOptions;
  readonly context: Context;
  /** The verb's result: a line or block of text on standard output or, with --json, `value` as one JSON line. An empty text is no line. */
  readonly result: (text: string, value: unknown) => void;
  /** Bytes of a result that is no text (`cat`), before it; with --json a line `{"type":"bytes","base64":…}`. Wait for each before the next. */
  readonly bytes: (bytes: Uint8Array) => Promise<void>;
  /** The person's end of an interactive console. */
  readonly terminal: Terminal;
}

export interface GlobalOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly jobs?: number;
}

/**
 * One verb of the command line. Its file imports nothing heavy at the top: what it works with is imported inside `run`, so that
 * `--help` and the light verbs stay instant. `run` may return an exit code other than 0 for "made, but failed its check".
 */
export interface Verb {
  readonly name: string;
  /** One line for `cloudimg --help`. */
  readonly summary: string;
  /** Shell lines shown under `--help`. */
  readonly examples: readonly string[];
  readonly hidden?: boolean;
  readonly args: readonly Argument[];
  readonly options: readonly Option[];
  // biome-ignore lint/suspicious/noExplicitAny: every verb has options of its own shape
  run(invocation: Invocation<any>): Promise<number | undefined>;
}
