import type { JsonObject } from "../initializer/json-values.ts";

/** Members that hold secrets, or may: what a source says is shown by `cloudimg-init query`, which anybody may call. */
const secret =
  /pass(?:w|phrase|$)|pwd|secret|token|credential|(?:private|api|access)[-_]?key|seed(?!from)|user[-_]?data|vendor[-_]?data/i;
const mostValues = 5000;
const mostDepth = 12;

/**
 * A copy without secrets, and of bounded size: a YAML document of a few lines may, through its aliases, stand for more than there is memory.
 */
export function publicMetadata(metadata: JsonObject): JsonObject {
  let left = mostValues;
  const copy = (value: unknown, depth: number): unknown => {
    if (left-- <= 0 || depth > mostDepth) return undefined;
    if (typeof value === "string") return withoutPassword(value);
    if (value instanceof Date) return dateText(value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.slice(0, Math.max(0, left)).map((item) => copy(item, depth + 1));
    const entries = Object.entries(value).slice(0, Math.max(0, left));
    return Object.fromEntries(
      entries.filter(([key]) => !secret.test(key)).map(([key, item]) => [key, copy(item, depth + 1)]),
    );
  };
  return copy(metadata, 0) as JsonObject;
}

/** An URL may hold a user and a password before the host; a private key says what it is. */
export function withoutPassword(text: string): string {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY/.test(text)) return "";
  return text.replace(/\b([a-z]+:\/\/)[^/@\s]*@/gi, "$1");
}

/** YAML 1.1 takes `2026-01-31` for a date; the author meant the text. */
export function dateText(date: Date): string {
  const text = Number.isNaN(date.getTime()) ? "" : date.toISOString();
  return text.replace(/T00:00:00\.000Z$/, "");
}
