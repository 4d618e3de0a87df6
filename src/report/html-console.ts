import { stripVTControlCharacters } from "node:util";
import { escapeHtml } from "./html.ts";

/**
 * A console's log as text that scrolls, its end in view (which needs no script: a column in reverse begins at its end). Escape sequences go; a lone CR begins the line
 * anew, as on a terminal.
 *
 * @param label what it is the log of
 */
export function htmlConsole(log: string, label: string): string {
  const text = consoleText(log);
  // The line feed after <pre> is no part of the text (HTML, 13.2.6.4.7): so one that the log begins with is not lost.
  return `<div class="console" role="region" tabindex="0" aria-label="${escapeHtml(label)}"><pre>
${escapeHtml(text)}</pre></div>`;
}

export function consoleText(log: string): string {
  return stripVTControlCharacters(log)
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1) as string)
    .join("\n")
    .replace(control, "")
    .trimEnd();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
