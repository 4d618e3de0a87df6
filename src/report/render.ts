import { formatWhere, type Problem } from "../core/errors.ts";
import type { Event } from "../core/events.ts";
import { formatBytes, formatDuration } from "../core/format.ts";

/** One event as the line that people read, without colour; undefined for what has no line of its own. */
export function eventLine(event: Event, verbose: boolean): string | undefined {
  switch (event.type) {
    case "step-end": {
      const mark = { done: "✓", cached: "=", failed: "✗" }[event.status];
      const note = event.note === undefined ? "" : `  ${event.note}`;
      return `${mark} ${event.id.padEnd(17)}${note}  (${formatDuration(event.durationMs)})`;
    }
    case "log":
      if (event.level === "debug" && !verbose) return undefined;
      return [
        `${event.level === "info" ? "" : `${event.level}: `}${event.message}`,
        ...(event.hint ? [`  hint: ${event.hint}`] : []),
      ].join("\n");
    case "console":
      return verbose ? `  | ${event.line}` : undefined;
    default:
      return undefined;
  }
}

/**
 * A running step as it is redrawn on a terminal.
 *
 * @param bytesPerSecond once it can be told: then so can the time that is left
 */
export function progressLine(
  title: string,
  doneBytes: number,
  totalBytes: number | undefined,
  width: number,
  bytesPerSecond?: number,
): string {
  if (totalBytes === undefined || totalBytes === 0)
    return `… ${title}${doneBytes > 0 ? `  ${formatBytes(doneBytes)}` : ""}`.slice(0, width);
  const ratio = Math.min(1, doneBytes / totalBytes);
  const cells = Math.round(ratio * 24);
  const bar = `${"█".repeat(cells)}${"░".repeat(24 - cells)}`;
  const leftMs = bytesPerSecond === undefined ? 0 : ((totalBytes - doneBytes) / bytesPerSecond) * 1000;
  const speed = bytesPerSecond === undefined ? "" : `  ${formatBytes(bytesPerSecond)}/s  ${wholeSeconds(leftMs)} left`;
  return `… ${title}  ${bar} ${formatBytes(doneBytes)} / ${formatBytes(totalBytes)}${speed}`.slice(0, width);
}

/** A guess does not need more. */
function wholeSeconds(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}

/** Problems for people: where, what, and what to do, one paragraph each. */
export function problemLines(problems: readonly Problem[]): string {
  return problems
    .map(({ code, message, where, hint }) => {
      const place = where === undefined ? "" : `${formatWhere(where)}: `;
      return [`error: ${place}${message} [${code}]`, ...(hint === undefined ? [] : [`  hint: ${hint}`])].join("\n");
    })
    .join("\n");
}
