import { decodeBase64 } from "../initializer/bytes.ts";
import { toByteString } from "./byte-strings.ts";
import { type MimeHeaders, parameters, splitHeaders } from "./mime-headers.ts";

/** A part of a message that holds no others. */
export interface MimeLeaf {
  /** As declared, in lower case; text/plain if nothing is. */
  readonly contentType: string;
  readonly fileName?: string | undefined;
  readonly headers: MimeHeaders;
  /** Out of its transfer encoding; bytes as characters. */
  readonly body: string;
}

const deepest = 8;
const mostLeaves = 500;

/**
 * The leaves of a message (RFC 2046), in order.
 *
 * @param message bytes as characters
 * @param problem told of what had to be left out
 */
export function mimeLeaves(message: string, problem: (text: string) => void): MimeLeaf[] {
  const leaves: MimeLeaf[] = [];
  const walk = (text: string, depth: number, inherited: string) => {
    const { headers, body } = splitHeaders(text);
    const { value, parameters: details } = parameters(headers.get("content-type") ?? inherited);
    const contentType = /^[^/]*\/[^/]*$/.test(value) ? value.toLowerCase() : "text/plain";
    if (!contentType.startsWith("multipart/") && contentType !== "message/rfc822") {
      if (leaves.length < mostLeaves) leaves.push(leaf(headers, contentType, body, problem));
      else problem(`more than ${mostLeaves} parts`);
      return;
    }
    const boundary = details.get("boundary")?.trimEnd() ?? "";
    const isMessage = contentType === "message/rfc822";
    if (depth === deepest) {
      problem("parts within parts too deeply");
      return;
    }
    // If the last boundary is missing, the last line break counts as its; within another message it has gone already.
    const inside = depth === 0 && !isMessage ? body.replace(/\r?\n$|\r$/, "") : body;
    const parts = isMessage ? [body] : boundary === "" ? [] : splitAt(inside, boundary);
    if (parts.length === 0) problem("a multipart message whose boundary is missing");
    // RFC 2046 section 5.1.5: what a digest holds are messages.
    const ofParts = contentType === "multipart/digest" ? "message/rfc822" : "text/plain";
    for (const part of parts) walk(part, depth + 1, ofParts);
  };
  walk(message, 0, "text/plain");
  return leaves;
}

/** What is between the lines of a boundary; the line break before one belongs to it (RFC 2046 section 5.1.1). */
function splitAt(body: string, boundary: string): string[] {
  const escaped = boundary.replace(/[^\w]/g, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}`);
  const line = new RegExp(`(?:^|\\r\\n|\\n|\\r)--${escaped}(--)?[ \\t]*(\\r\\n|\\n|\\r|$)`, "g");
  const parts: string[] = [];
  let from: number | undefined;
  for (let found = line.exec(body); found !== null; found = line.exec(body)) {
    if (from !== undefined) parts.push(body.slice(from, Math.max(from, found.index)));
    if (found[1] !== undefined) return parts;
    from = found.index + found[0].length;
    // The next boundary may begin with the line break that ended this one.
    line.lastIndex = from - (found[2] as string).length;
  }
  if (from !== undefined) parts.push(body.slice(from));
  return parts;
}

function leaf(headers: MimeHeaders, contentType: string, body: string, problem: (text: string) => void): MimeLeaf {
  const named = (header: string, parameter: string) =>
    parameters(headers.get(header) ?? "")
      .parameters.get(parameter)
      ?.trim() || undefined;
  const fileName = named("content-disposition", "filename") ?? named("content-type", "name");
  const encoding = (headers.get("content-transfer-encoding") ?? "").toLowerCase().trim();
  const decoded = decodeTransfer(body, encoding);
  if (decoded === undefined) problem(`${fileName ?? "a part"}: transfer encoding that is not supported`);
  return { contentType, fileName, headers, body: decoded ?? "" };
}

/** RFC 2045 section 6. */
function decodeTransfer(body: string, encoding: string): string | undefined {
  if (encoding === "base64") return decodeLoosely(body);
  if (encoding === "quoted-printable")
    return body
      .replace(/[ \t]*=[ \t]*(\r\n|\n|\r|$)/g, "")
      .replace(/=([\da-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return ["", "7bit", "8bit", "binary"].includes(encoding) ? body : undefined;
}

/** What is no digit is passed over, and padding may be missing: RFC 2045 section 6.8 asks for it. */
function decodeLoosely(text: string): string {
  const digits = text.replace(/=.*$/s, "").replace(/[^A-Za-z0-9+/]/g, "");
  const whole = digits.slice(0, digits.length - (digits.length % 4 === 1 ? 1 : 0));
  return toByteString(decodeBase64(whole.padEnd(Math.ceil(whole.length / 4) * 4, "=")) ?? new Uint8Array());
}
