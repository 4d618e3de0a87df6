/** Looking into JSON that others wrote: a value of the wrong type is as good as none. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text that is not empty. */
export function asText(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  return text === "" ? undefined : text;
}

/** A whole number from `least` to `most`, as number or text. */
export function asInteger(value: unknown, least: number, most: number): number | undefined {
  const number = typeof value === "string" && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
  return Number.isInteger(number) && (number as number) >= least && (number as number) <= most
    ? (number as number)
    : undefined;
}

/** One text or a list of them; a text may hold several, split at blanks. */
export function asTexts(value: unknown): string[] {
  const items = typeof value === "string" ? value.split(/[\s,]+/) : asArray(value);
  return items.map(asText).filter((text) => text !== undefined);
}

/** JSON text, with the byte order mark that some editors leave. Throws a SyntaxError. */
export function parseJson(text: string): unknown {
  return JSON.parse(text.replace(/^\uFEFF/, ""));
}
