import { CloudimgError } from "../core/errors.ts";
import type { Event, EventSink } from "../core/events.ts";
import { type RateMeter, rateMeter } from "./rate.ts";
import { eventLine, problemLines, progressLine } from "./render.ts";

/** The only writer to the process's streams. */
export interface Reporter {
  readonly emit: EventSink;
  /** A verb's result, to standard output. */
  result(text: string, value: unknown): void;
  /** Part of a result that is no text, to standard output; resolves when the bytes are not needed any more. */
  bytes(bytes: Uint8Array): Promise<void>;
  error(error: unknown): void;
  /** Leaves the terminal clean. */
  close(): void;
}

export interface ReporterOptions {
  readonly json: boolean;
  readonly verbose: boolean;
  /** Standard error is a terminal that can move its cursor. */
  readonly redraw: boolean;
}

type Stream = NodeJS.WritableStream & { columns?: number };

export function createReporter(options: ReporterOptions, out: Stream, err: Stream): Reporter {
  if (options.json) return jsonReporter(out);
  return options.redraw ? terminalReporter(options, out, err) : plainReporter(options, out, err);
}

/** JSON lines on standard output: every event, then `{"type":"result"}` or `{"type":"error"}`. */
function jsonReporter(out: Stream): Reporter {
  const line = (value: object) => out.write(`${JSON.stringify(value)}\n`);
  return {
    emit: line,
    result: (_text, value) => line({ type: "result", value }),
    bytes: async (bytes) => void line({ type: "bytes", base64: Buffer.from(bytes).toString("base64") }),
    error: (error) => line({ type: "error", ...errorValue(error) }),
    close() {},
  };
}

function plainReporter({ verbose }: ReporterOptions, out: Stream, err: Stream): Reporter {
  return {
    emit(event) {
      const line = eventLine(event, verbose);
      if (line !== undefined) err.write(`${line}\n`);
    },
    result: (text) => void (text === "" || out.write(`${text}\n`)),
    bytes: (bytes) => written(out, bytes),
    error: (error) => void err.write(`${errorText(error)}\n`),
    close() {},
  };
}

interface RunningStep {
  readonly title: string;
  readonly meter: RateMeter;
  readonly doneBytes: number;
  readonly totalBytes?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
}

/** Finished steps as lines; below them the running steps, redrawn in place at most 20 times a second. */
function terminalReporter({ verbose }: ReporterOptions, out: Stream, err: Stream): Reporter {
  const running = new Map<string, RunningStep>();
  let drawnLines = 0;
  let drawnAtMs = 0;
  const clear = () => {
    if (drawnLines > 0) err.write(`\r\u001b[${drawnLines}A\u001b[J`);
    drawnLines = 0;
  };
  const draw = () => {
    clear();
    const width = Math.max(1, (err.columns ?? 80) - 1);
    for (const { title, doneBytes, totalBytes, bytesPerSecond } of running.values()) {
      err.write(`${progressLine(title, doneBytes, totalBytes, width, bytesPerSecond)}\n`);
      drawnLines++;
    }
    drawnAtMs = performance.now();
  };
  const track = (event: Event): boolean => {
    if (event.type === "step-start") running.set(event.id, { title: event.title, doneBytes: 0, meter: rateMeter() });
    else if (event.type === "step-end") running.delete(event.id);
    else if (event.type === "step-progress") {
      const step = running.get(event.id);
      if (step !== undefined) {
        const { doneBytes, totalBytes } = event;
        Object.assign(step, { doneBytes, totalBytes, bytesPerSecond: step.meter.add(doneBytes, performance.now()) });
      }
      return performance.now() - drawnAtMs > 50;
    }
    return true;
  };
  return {
    emit(event) {
      if (!track(event)) return;
      const line = eventLine(event, verbose);
      if (line !== undefined) {
        clear();
        err.write(`${line}\n`);
      }
      draw();
    },
    result(text) {
      clear();
      if (text !== "") out.write(`${text}\n`);
    },
    bytes(bytes) {
      clear();
      return written(out, bytes);
    },
    error(error) {
      clear();
      err.write(`${errorText(error)}\n`);
    },
    close: clear,
  };
}

/** Whether it went well shows in the stream's own error event. */
function written(out: Stream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    out.write(bytes, () => resolve());
  });
}

function errorText(error: unknown): string {
  if (error instanceof CloudimgError) return problemLines(error.problems);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `error: this is a defect of cloudimg, please report it [bug/internal]\n${text}`;
}

function errorValue(error: unknown): object {
  if (error instanceof CloudimgError) return { exitCode: error.exitCode, problems: error.problems };
  return { exitCode: 1, problems: [{ code: "bug/internal", message: errorText(error) }] };
}
