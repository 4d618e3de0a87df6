/** Base64 (RFC 4648 section 4) and UTF-8 (RFC 3629): QuickJS brings neither. */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const word = (a << 16) | (b << 8) | c;
    const left = bytes.length - at;
    text += alphabet[word >> 18] as string;
    text += alphabet[(word >> 12) & 63] as string;
    text += left > 1 ? (alphabet[(word >> 6) & 63] as string) : "=";
    text += left > 2 ? (alphabet[word & 63] as string) : "=";
  }
  return text;
}

/** White space is skipped; undefined if the rest is no base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) return undefined;
  const padding = digits.endsWith("==") ? 2 : digits.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((digits.length / 4) * 3);
  const value = new Uint8Array(128);
  for (let digit = 0; digit < 64; digit++) value[alphabet.charCodeAt(digit)] = digit;
  const at = (index: number) => value[digits.charCodeAt(index)] as number;
  for (let index = 0, to = 0; index < digits.length; index += 4) {
    const word = (at(index) << 18) | (at(index + 1) << 12) | (at(index + 2) << 6) | at(index + 3);
    bytes[to++] = word >> 16;
    bytes[to++] = word >> 8;
    bytes[to++] = word;
  }
  return bytes.subarray(0, bytes.length - padding);
}

/** UTF-8 to text; what is none becomes U+FFFD. QuickJS has no TextDecoder. */
export function decodeUtf8(bytes: Uint8Array): string {
  // Calls with many arguments, and a regular expression, since a loop over bytes is slow in an interpreter.
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += argumentsAtOnce)
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + argumentsAtOnce)));
  const latin1 = pieces.join("");
  return /[^\0-\x7f]/.test(latin1) ? decodeSequences(bytes) : latin1;
}

const argumentsAtOnce = 4096;

function decodeSequences(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number;
    const { code, length } = lead < 0x80 ? { code: lead, length: 1 } : decodeSequence(bytes, at);
    text += String.fromCodePoint(code);
    at += length;
  }
  return text;
}

/** One character of two to four bytes (RFC 3629 section 4), or U+FFFD for one byte that starts none. */
function decodeSequence(bytes: Uint8Array, at: number): { code: number; length: number } {
  const lead = bytes[at] as number;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const least = length === 4 ? 0x10000 : length === 3 ? 0x800 : 0x80;
  let code = lead & (0xff >> (length + 1));
  let isGood = lead >= 0xc2 && lead <= 0xf4;
  for (let index = 1; index < length; index++) {
    const byte = bytes[at + index] ?? 0;
    isGood &&= (byte & 0xc0) === 0x80;
    code = (code << 6) | (byte & 0x3f);
  }
  isGood &&= code >= least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isGood ? { code, length } : { code: 0xfffd, length: 1 };
}

/** Text to UTF-8; half a surrogate pair becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const isAscii = !/[^\0-\x7f]/.test(text);
  const bytes = new Uint8Array(isAscii ? text.length : 3 * text.length);
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    let code = isAscii ? text.charCodeAt(index) : (text.codePointAt(index) as number);
    if (code > 0xffff) index++;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) bytes[at++] = code;
    else {
      const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
      bytes[at++] = ((0xff00 >> (more + 1)) & 0xff) | (code >> (6 * more));
      for (let left = more - 1; left >= 0; left--) bytes[at++] = 0x80 | ((code >> (6 * left)) & 63);
    }
  }
  return isAscii ? bytes : bytes.slice(0, at);
}
