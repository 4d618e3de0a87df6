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
  const significant = digits.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((significant.length * 3) / 4));
  let word = 0;
  for (let index = 0; index < significant.length; index++) {
    word = ((word << 6) | alphabet.indexOf(significant[index] as string)) & 0xffffff;
    const bits = (index + 1) * 6;
    if (bits % 8 < 6) bytes[Math.floor(bits / 8) - 1] = (word >> (bits % 8)) & 0xff;
  }
  return bytes;
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
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index++) {
    let code = text.codePointAt(index) as number;
    if (code > 0xffff) index++;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return Uint8Array.from(bytes);
}
