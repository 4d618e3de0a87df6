import type { EventSink } from "./events.ts";

/** What every piece of work is given: where to report, when to stop, where things live. Nothing is global. */
export interface Context {
  readonly emit: EventSink;
  /** Aborted by Ctrl-C, SIGTERM or a deadline. Long work checks it between chunks and passes it to every I/O call. */
  readonly signal: AbortSignal;
  readonly directories: Directories;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How many CPU-bound jobs may run at once. Output bytes never depend on it. */
  readonly jobs: number;
}

export interface Directories {
  /** Can be deleted at any time: downloads, unpacked packages, tools. `$CLOUDIMG_CACHE`, else `$XDG_CACHE_HOME/cloudimg`. */
  readonly cache: string;
  /** Must be kept: the local image store, journals. `$CLOUDIMG_DATA`, else `$XDG_DATA_HOME/cloudimg`. */
  readonly data: string;
}

export interface StepProgress {
  /** Reports bytes done so far, and the total once it is known. */
  bytes(doneBytes: number, totalBytes?: number): void;
  /** A few words shown when the step ends. */
  note(text: string): void;
  /** Says that nothing had to be done. */
  cached(): void;
}

/** Runs one named step of work and emits its start, progress and end, whatever happens in it. */
export async function step<T>(
  context: Pick<Context, "emit" | "signal">,
  id: string,
  title: string,
  work: (progress: StepProgress) => Promise<T> | T,
): Promise<T> {
  context.signal.throwIfAborted();
  const startedMs = performance.now();
  let note: string | undefined;
  let status: "done" | "cached" | "failed" = "done";
  context.emit({ type: "step-start", id, title });
  try {
    return await work({
      bytes: (doneBytes, totalBytes) => context.emit({ type: "step-progress", id, doneBytes, totalBytes }),
      note: (text) => {
        note = text;
      },
      cached: () => {
        status = "cached";
      },
    });
  } catch (error) {
    status = "failed";
    throw error;
  } finally {
    const durationMs = performance.now() - startedMs;
    context.emit({ type: "step-end", id, status, durationMs, note });
  }
}
