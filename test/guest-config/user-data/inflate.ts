/** RFC 1951 and 1952, plainly: what stands in for busybox's gunzip where tests run in QuickJS, which starts nothing. Undefined for what is damaged. */
export function gunzipped(gzip: Uint8Array): Uint8Array | undefined {
  try {
    return inflate(gzip, headerLength(gzip));
  } catch {
    return undefined;
  }
}

function headerLength(gzip: Uint8Array): number {
  const flags = gzip[3] ?? 0;
  let at = 10;
  if (flags & 4) at += 2 + (gzip[at] ?? 0) + 256 * (gzip[at + 1] ?? 0);
  for (const flag of [8, 16]) if (flags & flag) at = gzip.indexOf(0, at) + 1;
  return flags & 2 ? at + 2 : at;
}

const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const distanceBase = Array.from({ length: 30 }, (_, code) =>
  code < 4 ? code + 1 : (2 + (code & 1)) * 2 ** ((code >> 1) - 1) + 1,
);
const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

function inflate(bytes: Uint8Array, start: number): Uint8Array {
  const out: number[] = [];
  let at = start * 8;
  const bits = (count: number) => {
    let value = 0;
    for (let index = 0; index < count; index++, at++) {
      const byte = bytes[at >> 3];
      if (byte === undefined) throw new Error("cut off");
      value |= ((byte >> (at & 7)) & 1) << index;
    }
    return value;
  };
  const symbol = (codes: ReadonlyMap<number, number>) => {
    // With a one before it, so that codes of different lengths differ.
    for (let code = 1; code < 1 << 16; ) {
      code = (code << 1) | bits(1);
      const found = codes.get(code);
      if (found !== undefined) return found;
    }
    throw new Error("no such code");
  };
  for (let isLast = false; !isLast; ) {
    isLast = bits(1) === 1;
    const type = bits(2);
    if (type === 3) throw new Error("no such block");
    if (type === 0) {
      at = (at + 7) & ~7;
      const length = bits(16);
      bits(16);
      for (let index = 0; index < length; index++) out.push(bits(8));
      continue;
    }
    const { literals, distances } = type === 1 ? fixed() : dynamic(bits, symbol);
    for (let code = symbol(literals); code !== 256; code = symbol(literals)) {
      if (code < 256) {
        out.push(code);
        continue;
      }
      const extra = code < 265 || code === 285 ? 0 : (code - 261) >> 2;
      const length = (lengthBase[code - 257] ?? 0) + bits(extra);
      const far = symbol(distances);
      const distance = (distanceBase[far] ?? 0) + bits(far < 4 ? 0 : (far >> 1) - 1);
      for (let index = 0; index < length; index++) out.push(out[out.length - distance] ?? 0);
    }
  }
  return Uint8Array.from(out);
}

/** Canonical Huffman codes (RFC 1951 section 3.2.2). */
function codesOf(lengths: readonly number[]): Map<number, number> {
  const codes = new Map<number, number>();
  let code = 0;
  for (let length = 1; length <= 15; length++, code <<= 1)
    for (const [value, own] of lengths.entries()) if (own === length) codes.set((1 << length) | code++, value);
  return codes;
}

function fixed() {
  const lengths = Array.from({ length: 288 }, (_, code) => (code < 144 ? 8 : code < 256 ? 9 : code < 280 ? 7 : 8));
  return { literals: codesOf(lengths), distances: codesOf(Array(30).fill(5)) };
}

function dynamic(bits: (count: number) => number, symbol: (codes: ReadonlyMap<number, number>) => number) {
  const literalCount = bits(5) + 257;
  const distanceCount = bits(5) + 1;
  const ofLengths: number[] = Array(19).fill(0);
  const count = bits(4) + 4;
  for (const place of order.slice(0, count)) ofLengths[place] = bits(3);
  const codes = codesOf(ofLengths);
  const lengths: number[] = [];
  while (lengths.length < literalCount + distanceCount) {
    const code = symbol(codes);
    if (code < 16) lengths.push(code);
    else if (code === 16) lengths.push(...Array(bits(2) + 3).fill(lengths.at(-1) ?? 0));
    else lengths.push(...Array(code === 17 ? bits(3) + 3 : bits(7) + 11).fill(0));
  }
  return { literals: codesOf(lengths.slice(0, literalCount)), distances: codesOf(lengths.slice(literalCount)) };
}
