import { showName } from "./names.ts";

export interface EntryFacts {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly sizeBytes: number;
  readonly mtime: number;
  readonly target?: string | undefined;
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
}

interface DirectoryFacts {
  readonly directory: string | undefined;
  readonly entries: readonly EntryFacts[];
}

export interface ListingOptions {
  /** Mode, owner, size and time before each name. */
  readonly long?: boolean | undefined;
  /** Owners as numbers. */
  readonly numeric?: boolean | undefined;
  /** Name the directories even if there is only one. */
  readonly titles?: boolean | undefined;
}

/** As ls(1) shows it: a name a line, directories with their names above if there are several. Times are UTC. */
export function describeListing(listed: readonly DirectoryFacts[], options: ListingOptions): string {
  const hasTitles = options.titles === true || listed.length > 1;
  return listed
    .map(({ directory, entries }) => {
      const names = entries.map(({ path }) => (directory === undefined ? path : path.slice(path.lastIndexOf("/") + 1)));
      const lines = options.long === true ? longLines(entries, names, options) : names.map(showName);
      const title = directory !== undefined && hasTitles ? [`${showName(directory)}:`] : [];
      return [...title, ...lines].join("\n");
    })
    .join("\n\n");
}

const typeLetters: Readonly<Record<string, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  "character-device": "c",
  "block-device": "b",
  fifo: "p",
  socket: "s",
};

/** `-rwsr-xr-x`, as ls(1). */
export function modeText(type: string, mode: number): string {
  const bits = [6, 3, 0].map((shift, index) => {
    const special = (mode >> (11 - index)) & 1;
    const execute = (mode >> shift) & 1;
    const letter = index === 2 ? "t" : "s";
    const last = special === 1 ? (execute === 1 ? letter : letter.toUpperCase()) : execute === 1 ? "x" : "-";
    return `${(mode >> (shift + 2)) & 1 ? "r" : "-"}${(mode >> (shift + 1)) & 1 ? "w" : "-"}${last}`;
  });
  return `${typeLetters[type] ?? "?"}${bits.join("")}`;
}

/** `2026-11-21 13:42`. */
export function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  return date.toISOString().slice(0, -8).replace("T", " ");
}

function longLines(entries: readonly EntryFacts[], names: readonly string[], { numeric }: ListingOptions): string[] {
  const rows = entries.map((entry, index) => [
    modeText(entry.type, entry.mode),
    String(entry.links),
    (numeric === true ? undefined : entry.user) ?? String(entry.uid),
    (numeric === true ? undefined : entry.group) ?? String(entry.gid),
    entry.major === undefined ? String(entry.sizeBytes) : `${entry.major}, ${entry.minor}`,
    timeText(entry.mtime),
    `${showName(names[index] as string)}${entry.target === undefined ? "" : ` -> ${showName(entry.target)}`}`,
  ]);
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(0, ...rows.map((row) => (row[column] as string).length)));
  const isRight = [false, true, false, false, true, false];
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column];
        if (width === undefined) return cell;
        return isRight[column] === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(" "),
  );
}
