import { fail } from "../../core/errors.ts";

export function damaged(reason: string, cause?: unknown): never {
  return fail("image/damaged", `cannot read the squashfs: ${reason}`, { cause });
}

export function unsupported(reason: string): never {
  return fail("image/unsupported", `cannot read the squashfs: ${reason}`);
}

/** As the structure's own `decode`, whose numbers may be larger than any that is possible. */
export function decode<T>(structure: Decodable<T>, bytes: Uint8Array): T {
  try {
    return structure.decode(bytes);
  } catch (error) {
    if (error instanceof RangeError) return damaged(`${structure.name}: ${error.message}`, error);
    throw error;
  }
}

interface Decodable<T> {
  readonly name: string;
  decode(bytes: Uint8Array): T;
}
