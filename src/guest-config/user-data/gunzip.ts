import type { Command, Host } from "../initializer/host.ts";
import { waitFor } from "../initializer/processes.ts";

/** What user data may unpack to. */
export const largestUnpackedBytes = 16 << 20;
const limitMs = 20_000;
/** POSIX: the unit of ulimit -f. */
const blockBytes = 512;

/** RFC 1952 section 2.3.1. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Unpacked by busybox, which no file can make to write more than the limit. Throws an Error. */
export function gunzip(host: Host, bytes: Uint8Array): Uint8Array {
  const packed = "/run/cloudimg/packed";
  const unpacked = "/run/cloudimg/unpacked";
  host.makeDirectory("/run/cloudimg", 0o755);
  try {
    host.writeFile(packed, bytes, 0o600);
    const shell = `ulimit -f ${largestUnpackedBytes / blockBytes}; exec gunzip -c 2>/dev/null`;
    const command: Command = { argv: ["sh", "-c", shell], inputPath: packed, outputPath: unpacked };
    const process = host.start(command);
    const [status] = waitFor(host, [process], limitMs);
    if (status === undefined) process.kill();
    const result = host.readBytes(unpacked, 0, host.attributes(unpacked)?.sizeBytes ?? 0) ?? new Uint8Array();
    if (result.length >= largestUnpackedBytes)
      throw new Error(`unpacks to more than ${largestUnpackedBytes >> 20} MiB`);
    if (status !== 0) throw new Error("the gzip data is damaged");
    return result;
  } finally {
    host.remove(packed);
    host.remove(unpacked);
  }
}
