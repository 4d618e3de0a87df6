/**
 * File names are bytes to Linux and strings to us. Names that are valid UTF-8 are their text; any other byte b becomes the lone
 * surrogate U+DC00+b, as Python's "surrogateescape" does, so that every name survives a round trip.
 */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export function decodeName(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeEscaped(bytes);
  }
}

export function encodeName(name: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(name)) return encoder.encode(name);
  const parts: number[] = [];
  for (const character of name) {
    const code = character.codePointAt(0) as number;
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00);
    else parts.push(...encoder.encode(character));
  }
  return Uint8Array.from(parts);
}

/** The order of names by their bytes: what every writer sorts by, so that no locale has a say. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === length) return a.length - b.length;
  // Code units below the surrogates are in the order of their UTF-8 bytes; sorting many names must not encode each of them.
  const [unitA, unitB] = [a.charCodeAt(at), b.charCodeAt(at)];
  if (unitA < 0xd800 && unitB < 0xd800) return unitA - unitB;
  return Buffer.compare(encodeName(a), encodeName(b));
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at] as number);
    const slice = bytes.subarray(at, at + length);
    let decoded: string | undefined;
    if (length > 0 && slice.length === length) {
      try {
        decoded = strict.decode(slice);
      } catch {
        decoded = undefined;
      }
    }
    if (decoded === undefined) {
      text += String.fromCharCode(0xdc00 + (bytes[at] as number));
      at += 1;
    } else {
      text += decoded;
      at += length;
    }
  }
  return text;
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}
