import { EventEmitter, once } from "node:events";

/** What a machine prints, kept, and waited for. */
export interface WatchedConsole {
  readonly lines: readonly string[];
  push(line: string): void;
  /** The first line, of those printed already or later, that matches. Errors: with all lines, if it does not come in time or the machine ends before. */
  wait(pattern: RegExp, limitMs: number, died: Promise<string>): Promise<string>;
}

export function watchConsole(): WatchedConsole {
  const lines: string[] = [];
  const printed = new EventEmitter().setMaxListeners(0);
  return {
    lines,
    push(line) {
      lines.push(line);
      printed.emit("line");
    },
    async wait(pattern, limitMs, died) {
      const done = new AbortController();
      const signal = AbortSignal.any([AbortSignal.timeout(limitMs), done.signal]);
      const ended = died.then((why) => {
        if (!lines.some((line) => pattern.test(line))) throw new Error(why);
      });
      try {
        for (let at = 0; ; at++) {
          while (at >= lines.length) await Promise.race([once(printed, "line", { signal }), ended]);
          const line = lines[at] as string;
          if (pattern.test(line)) return line;
        }
      } catch (error) {
        throw new Error(`waited for ${pattern}: ${String(error)}; on the console:\n${lines.join("\n")}`);
      } finally {
        done.abort();
      }
    },
  };
}
