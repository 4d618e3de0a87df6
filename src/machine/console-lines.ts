import { stripVTControlCharacters } from "node:util";

/** Takes what a serial console prints and gives it in clean lines. */
export interface ConsoleLines {
  push(bytes: Uint8Array): void;
  /** Gives the last line, if it was begun and not ended. */
  end(): void;
}

/** A guest may never print an end of line; then one is assumed. */
const longestLine = 4096;

/**
 * Splits at LF and CR LF; a lone CR begins the line anew, as on a terminal. Escape sequences and control characters go: a guest must not be able to
 * steer the terminal that its lines are shown on. Bytes that are not UTF-8 show as U+FFFD.
 */
export function consoleLines(onLine: (line: string) => void): ConsoleLines {
  const decoder = new TextDecoder();
  let pending = "";
  const give = (raw: string) => {
    const shown = raw.replace(/\r+$/, "").split("\r").at(-1) as string;
    onLine(cleanLine(shown));
  };
  const take = (text: string) => {
    const lines = (pending + text).split("\n");
    pending = lines.pop() as string;
    for (const line of lines) give(line);
    while (pending.length > longestLine) {
      give(pending.slice(0, longestLine));
      pending = pending.slice(longestLine);
    }
  };
  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end() {
      take(decoder.decode());
      if (pending !== "") give(pending);
      pending = "";
    },
  };
}

/** One line without escape sequences and control characters, tabs excepted. */
function cleanLine(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  return stripVTControlCharacters(line).replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, "");
}

/** The lines of a whole console log. */
export function linesOfLog(bytes: Uint8Array): string[] {
  const found: string[] = [];
  const lines = consoleLines((line) => found.push(line));
  lines.push(bytes);
  lines.end();
  return found;
}
