/** Bytes as text with one character for each, U+0000 to U+00FF: regular expressions find things in it, and QuickJS keeps it in as many bytes. */
export function toByteString(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += argumentsAtOnce)
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + argumentsAtOnce)));
  return pieces.join("");
}

const argumentsAtOnce = 4096;

export function fromByteString(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
