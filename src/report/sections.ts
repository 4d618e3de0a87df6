/** Facts under a title: rows of a key and what is said of it, or lines as they are. */
export interface Section {
  readonly title: string;
  readonly rows?: readonly (readonly [key: string, value: string])[];
  readonly lines?: readonly string[];
}

const leastKeyWidth = 12;

/**
 * Sections with an empty line between them. A row whose key is the same as that of the row above does not repeat it.
 *
 * @param width lines of rows are broken at spaces to be no longer; undefined: they are not
 */
export function drawSections(sections: readonly Section[], width: number | undefined): string {
  return sections
    .map(({ title, rows = [], lines = [] }) => {
      const keyWidth = Math.max(leastKeyWidth, ...rows.map(([key]) => key.length));
      const drawn = rows.flatMap(([key, value], index) => {
        const shown = rows[index - 1]?.[0] === key ? "" : key;
        const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(20, width - keyWidth - 4);
        return breakLine(value, room).map((part, at) => `  ${(at === 0 ? shown : "").padEnd(keyWidth)} ${part}`);
      });
      return [title, ...drawn, ...lines.map((line) => `  ${line}`)].map((line) => line.trimEnd()).join("\n");
    })
    .join("\n\n");
}

function breakLine(text: string, room: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > room) {
    const space = rest.lastIndexOf(" ", room);
    if (space <= 0) break;
    lines.push(rest.slice(0, space));
    rest = rest.slice(space + 1);
  }
  return [...lines, rest];
}

/** Rows of cells as columns; numbers to the right. */
export function drawTable(rows: readonly (readonly string[])[], rightAligned: readonly number[] = []): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] as number;
        return rightAligned.includes(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}
