/** Headers of a message or a part (RFC 5322 section 2.2), names in lower case. */
export type MimeHeaders = ReadonlyMap<string, string>;

/**
 * Headers and what follows them. As mail programs do: an envelope line `From …` is passed over, and a line that is no header starts the body.
 *
 * @param message bytes as characters
 */
export function splitHeaders(message: string): { headers: MimeHeaders; body: string } {
  const headers = new Map<string, string>();
  const line = /([^\r\n]*)(\r\n|\n|\r|$)/y;
  let last: string | undefined;
  let at = 0;
  for (let count = 0; at < message.length && count < mostHeaderLines; count++) {
    line.lastIndex = at;
    const [whole, text = ""] = line.exec(message) ?? [""];
    const header = /^([\x21-\x39\x3b-\x7e]+):[ \t]*(.*)$/.exec(text);
    if (text === "") {
      at += whole.length;
      break;
    }
    if (/^[ \t]/.test(text)) {
      if (last !== undefined) headers.set(last, `${headers.get(last)} ${text.trim()}`.slice(0, longestHeader));
    } else if (header !== null) {
      last = (header[1] as string).toLowerCase();
      if (headers.has(last)) last = undefined;
      else headers.set(last, (header[2] as string).trim().slice(0, longestHeader));
    } else if (!(count === 0 && text.startsWith("From "))) break;
    at += whole.length;
  }
  return { headers, body: message.slice(at) };
}

const mostHeaderLines = 1000;
const longestHeader = 4096;

/** A header's value and its parameters (RFC 2045 section 5.1; RFC 2231 in its simple form). */
export function parameters(value: string): { value: string; parameters: ReadonlyMap<string, string> } {
  const found = new Map<string, string>();
  const first = /^[^;]*/.exec(value)?.[0] ?? "";
  const parameter = /;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/gs;
  for (const [, name = "", quoted, bare = ""] of value.slice(first.length).matchAll(parameter)) {
    const text = quoted?.replace(/\\(.)/gs, "$1") ?? bare.trim();
    // `filename*0` continues in `filename*1`; `filename*` holds charset'language'text.
    const [, plain = "", part, isEncoded] = /^([^*]*)(\*\d+)?(\*)?$/.exec(name.toLowerCase()) ?? [];
    const decoded = isEncoded === undefined ? text : unescapeHex(text.replace(/^[\w-]*'[\w-]*'/, ""));
    if (part !== undefined && part !== "*0") found.set(plain, (found.get(plain) ?? "") + decoded);
    else if (!found.has(plain)) found.set(plain, decoded);
  }
  return { value: first.trim(), parameters: found };
}

function unescapeHex(text: string): string {
  return text.replace(/%([\da-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
