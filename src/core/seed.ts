import { createHash } from "node:crypto";

/**
 * All identifiers of an image derive from one seed, so that equal inputs give equal images and different inputs never share an id:
 * bytes = SHA-256(seed, NUL, name) cut to length. `name` says what for: `root file system`, `mbr signature`.
 */
export function deriveBytes(seed: string, name: string, lengthBytes: number): Uint8Array {
  const digest = createHash("sha256").update(`${seed}\0${name}`).digest();
  return new Uint8Array(digest.subarray(0, lengthBytes));
}

/** A UUID of version 8 (RFC 9562, section 5.8: custom), lower case. */
export function deriveUuid(seed: string, name: string): string {
  const bytes = deriveBytes(seed, name, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return formatUuid(bytes);
}

/** A 32-bit id that is not zero: an MBR disk signature, a FAT volume serial. */
export function deriveUint32(seed: string, name: string): number {
  const bytes = deriveBytes(seed, name, 4);
  return new DataView(bytes.buffer).getUint32(0) || 1;
}

/** The sixteen bytes of a UUID in the order they are written (big-endian fields, as ext4 and Linux store them). */
export function parseUuid(uuid: string): Uint8Array {
  return Uint8Array.from(Buffer.from(uuid.replaceAll("-", ""), "hex"));
}

/** Lower case with dashes, of bytes as they are written. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
