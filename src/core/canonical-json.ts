import { createHash } from "node:crypto";

/**
 * JSON with one spelling per value: no white space, object keys in the order of their UTF-16 units, absent and undefined members the
 * same (RFC 8785 for everything but numbers that are no integers, which we do not hash). For digests, never for people.
 *
 * @throws TypeError for what JSON cannot hold: functions, NaN, bigint.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(",")}}`;
  }
  throw new TypeError(`JSON cannot hold ${String(value)}`);
}

/** SHA-256 of a value's canonical JSON, in lower-case hexadecimal. */
export function canonicalDigest(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
