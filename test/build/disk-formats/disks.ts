import { type ByteSource, bytesSource, composeSource, zeroSource } from "../../../src/core/byte-source.ts";

const MiB = 1024 ** 2;

/** Bytes that cannot be compressed, the same every time (xorshift). */
export function noise(lengthBytes: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(lengthBytes / 4));
  let state = seed;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, lengthBytes);
}

/** Bytes that can: words of a small vocabulary in changing order. */
export function prose(lengthBytes: number, seed = 1): Uint8Array {
  const words = ["the ", "kernel ", "mounts ", "root ", "and ", "starts ", "init ", "which ", "\n"];
  const random = noise(lengthBytes, seed);
  let text = "";
  for (let index = 0; text.length < lengthBytes; index++) text += words[(random[index] as number) % words.length];
  return Buffer.from(text.slice(0, lengthBytes));
}

/** Boundary cases by name. Sizes are whole sectors, as those of disks are. */
export const disks: Record<string, () => ByteSource> = {
  "empty disk": () => zeroSource(4 * MiB),
  "one sector": () => bytesSource(prose(512)),
  "text only": () => bytesSource(prose(3 * MiB)),
  "noise only": () => bytesSource(noise(2 * MiB)),
  "size that is no multiple of a cluster": () => bytesSource(prose(MiB + 5 * 512)),
  "data in the last sector only": () => {
    const sizeBytes = 5 * MiB + 512;
    return composeSource(sizeBytes, [{ offsetBytes: sizeBytes - 512, source: bytesSource(noise(512)) }]);
  },
  "text, noise, zeros and holes in turns, not aligned": () =>
    composeSource(12 * MiB, [
      { offsetBytes: 1000, source: bytesSource(prose(300_000, 7)) },
      { offsetBytes: 400_000, source: bytesSource(noise(200_000, 8)) },
      { offsetBytes: 600_000, source: bytesSource(prose(70_000, 9)) },
      { offsetBytes: 700_000, source: bytesSource(new Uint8Array(900_000)) },
      { offsetBytes: 2_000_000, source: bytesSource(prose(1_500_000, 10)) },
      { offsetBytes: 3_600_000, source: bytesSource(noise(65_536, 11)) },
      { offsetBytes: 3_700_000, source: bytesSource(prose(100_000, 12)) },
      { offsetBytes: 12 * MiB - 70_000, source: bytesSource(prose(69_000, 13)) },
    ]),
  "far apart, in the reach of two tables": () =>
    composeSource(530 * MiB, [
      { offsetBytes: 0, source: bytesSource(prose(70_000)) },
      { offsetBytes: 529 * MiB + 12_345, source: bytesSource(prose(70_000, 2)) },
    ]),
};
