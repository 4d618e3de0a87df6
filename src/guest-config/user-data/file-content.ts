import { decodeBase64, encodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { toByteString } from "./byte-strings.ts";
import { gunzip } from "./gunzip.ts";

/** cloud-init's spellings. */
const encodings: Readonly<Record<string, readonly ("base64" | "gzip")[]>> = {
  "": [],
  "text/plain": [],
  b64: ["base64"],
  base64: ["base64"],
  gz: ["gzip"],
  gzip: ["gzip"],
  "gz+b64": ["base64", "gzip"],
  "gz+base64": ["base64", "gzip"],
  "gzip+b64": ["base64", "gzip"],
  "gzip+base64": ["base64", "gzip"],
};

/**
 * A file's content out of its encoding. An encoding that does not exist is told, and the content taken as it is.
 *
 * @throws Error if the content is not so encoded
 */
export function fileContent(
  host: Host,
  content: unknown,
  encoding: unknown,
  problem: (text: string) => void,
): Uint8Array {
  if (typeof content === "object" && content !== null && !(content instanceof Uint8Array))
    throw new Error("content is no text");
  let bytes = content instanceof Uint8Array ? content : encodeUtf8(String(content ?? ""));
  const name = String(encoding ?? "")
    .trim()
    .toLowerCase();
  const steps = Object.hasOwn(encodings, name) ? encodings[name] : undefined;
  if (steps === undefined) problem("no such encoding: taken as plain text");
  for (const step of steps ?? []) {
    const decoded = step === "gzip" ? gunzip(host, bytes) : decodeBase64(toByteString(bytes));
    if (decoded === undefined) throw new Error("content is no base64");
    bytes = decoded;
  }
  return bytes;
}

/** Octal as a text; a number counts as it is. What is neither is undefined. */
export function fileMode(value: unknown): number | undefined {
  if (typeof value === "number" || typeof value === "boolean") return Math.trunc(Number(value));
  const digits = /^\s*(?:0o)?([0-7]+(?:_[0-7]+)*)\s*$/i.exec(String(value))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits.replaceAll("_", ""), 8);
}
