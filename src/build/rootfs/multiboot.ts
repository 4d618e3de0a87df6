import { constants, gunzipSync } from "node:zlib";

interface Header {
  readonly magic: number;
  /** The header is within so many bytes of the file's start. */
  readonly withinBytes: number;
  readonly alignBytes: number;
  /** How many 32-bit fields add up to 0: the magic first, the checksum last. */
  readonly fields: number;
}

/** Multiboot specification 0.6.96, 3.1.1; Multiboot2 specification 2.0, 3.1.1. */
const headers = {
  multiboot: { magic: 0x1badb002, withinBytes: 8192, alignBytes: 4, fields: 3 },
  multiboot2: { magic: 0xe85250d6, withinBytes: 32768, alignBytes: 8, fields: 4 },
} as const satisfies Record<string, Header>;

export type MultibootProtocol = keyof typeof headers;

/** Whether GRUB will find the header without which it refuses a kernel. It unpacks gzip; what is packed by other means is not looked into. */
export function hasMultibootHeader(file: Buffer, protocol: MultibootProtocol): boolean {
  const { magic, withinBytes, alignBytes, fields } = headers[protocol];
  const start = startOf(file, withinBytes);
  if (start === undefined) return true;
  for (let at = 0; at + 4 * fields <= start.length; at += alignBytes) {
    if (start.readUInt32LE(at) !== magic) continue;
    let sum = 0;
    for (let field = 0; field < fields; field++) sum += start.readUInt32LE(at + 4 * field);
    if (sum % 2 ** 32 === 0) return true;
  }
  return false;
}

/** Undefined if the file is packed in a way that is not looked into. */
function startOf(file: Buffer, bytes: number): Buffer | undefined {
  if (file.length > 1 && file.readUInt16BE(0) === 0x1f8b) {
    try {
      const packed = file.subarray(0, bytes + 4096);
      return gunzipSync(packed, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, bytes);
    } catch {
      return Buffer.alloc(0);
    }
  }
  const isXz = file.toString("latin1", 0, 6) === "\xfd7zXZ\0";
  const isLzop = file.toString("latin1", 0, 4) === "\x89LZO";
  return isXz || isLzop ? undefined : file.subarray(0, bytes);
}
