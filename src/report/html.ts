/** A page that needs nothing but itself and may reach nothing else. Parts are markup: every text in them has gone through `escapeHtml`. */
export interface HtmlPage {
  /** Text. */
  readonly title: string;
  readonly style: string;
  readonly body: string;
  /** Whether the body has scripts of its own. */
  readonly hasScripts?: boolean;
}

/** The same parts give the same bytes. */
export function htmlPage({ title, style, body, hasScripts = false }: HtmlPage): string {
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    ...(hasScripts ? ["script-src 'unsafe-inline'"] : ["img-src data:"]),
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Any text as content of an element or of a quoted attribute. What HTML cannot hold, and what would turn the direction of the text around it, shows as U+FFFD.
 */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?/g, "\n")
    .replace(/[&<>"']/g, (character) => entities[character] as string)
    .replace(forbidden, "\ufffd");
}

/** Control characters but tab and line feed, marks and overrides of direction, noncharacters. */
const forbidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]/g;

/** A table with a caption; cells are markup. The first cell of each row names it. */
export function htmlTable(caption: string, columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = columns.map((column) => `<th scope="col">${escapeHtml(column)}</th>`).join("");
  const lines = rows.map(([first = "", ...rest]) => {
    const cells = rest.map((cell, index) => `<td data-label="${escapeHtml(columns[index + 1] ?? "")}">${cell}</td>`);
    return `<tr><th scope="row">${first}</th>${cells.join("")}</tr>`;
  });
  return `<table><caption>${escapeHtml(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${lines.join("\n")}
</tbody></table>`;
}

/** Facts as a list of keys and values; values are markup. Those that are undefined are left out. */
export function htmlFacts(facts: readonly (readonly [key: string, value: string | undefined])[]): string {
  const rows = facts.flatMap(([key, value]) =>
    value === undefined ? [] : [`<div><dt>${escapeHtml(key)}</dt><dd>${value}</dd></div>`],
  );
  return `<dl>${rows.join("\n")}</dl>`;
}

export function htmlCode(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}
