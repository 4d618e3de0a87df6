import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** Of bytes, or of a byte string. */
export function hexDigest(algorithm: "sha1" | "sha256", data: string | Uint8Array): string {
  return typeof data === "string"
    ? createHash(algorithm).update(data, "latin1").digest("hex")
    : createHash(algorithm).update(data).digest("hex");
}

/** Of a byte string. A key that is text is taken as UTF-8. */
export function hmac(algorithm: "sha1" | "sha256", key: string | Uint8Array, data: string): Buffer {
  return createHmac(algorithm, key).update(data, "latin1").digest();
}

/** In a time that does not tell how much of it is right. */
export function isSame(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given, "latin1"), Buffer.from(right, "latin1")];
  return a.length === b.length && timingSafeEqual(a, b);
}
