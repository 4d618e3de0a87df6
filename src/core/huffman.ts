/**
 * Lengths of the shortest prefix code for these frequencies, none longer than `limit` bits (Huffman's, with the longest codes shortened). Symbols that do not occur
 * get 0. Frequencies are below 2^23. At least two symbols get a code: decoders differ on what they make of fewer.
 */
export function codeLengths(frequencies: Uint32Array, limit: number): Uint8Array {
  const lengths = new Uint8Array(frequencies.length);
  // Frequency and symbol in one number sort fast, and ties the same way every time.
  const keys = new Uint32Array(frequencies.length);
  let count = 0;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    const frequency = frequencies[symbol] as number;
    if (frequency > 0) keys[count++] = (frequency << symbolBits) | symbol;
  }
  if (count < 2) {
    const only = count === 0 ? 0 : (keys[0] as number) & symbolMask;
    lengths[only] = 1;
    lengths[only === 0 ? 1 : 0] = 1;
    return lengths;
  }
  const sorted = keys.subarray(0, count).sort();
  const symbolsOfLength = limitedCounts(sorted, limit);
  let next = 0;
  for (let length = limit; length >= 1; length--)
    for (let left = symbolsOfLength[length] as number; left > 0; left--)
      lengths[(sorted[next++] as number) & symbolMask] = length;
  return lengths;
}

/** The codes themselves (RFC 1951 section 3.2.2), their bits in the order they are written: the first is the lowest. */
export function assignCodes(lengths: Uint8Array): Uint16Array {
  const perLength = new Uint16Array(17);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number;
    perLength[length] = (perLength[length] as number) + 1;
  }
  perLength[0] = 0;
  const next = new Uint16Array(17);
  for (let length = 1; length < 16; length++)
    next[length] = ((next[length - 1] as number) + (perLength[length - 1] as number)) << 1;
  const codes = new Uint16Array(lengths.length);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number;
    if (length === 0) continue;
    const code = next[length] as number;
    next[length] = code + 1;
    codes[symbol] = reverseBits(code, length);
  }
  return codes;
}

const symbolBits = 9;
const symbolMask = 2 ** symbolBits - 1;

/** How many symbols get codes of each length. Symbols are merged from the rarest on; sums come out in ascending order, so two queues do. */
function limitedCounts(sorted: Uint32Array, limit: number): Uint32Array {
  const leaves = sorted.length;
  const nodes = 2 * leaves - 1;
  const weights = new Uint32Array(nodes);
  const parents = new Uint16Array(nodes);
  for (let leaf = 0; leaf < leaves; leaf++) weights[leaf] = (sorted[leaf] as number) >>> symbolBits;
  let leaf = 0;
  let inner = leaves;
  for (let node = leaves; node < nodes; node++) {
    for (let child = 0; child < 2; child++) {
      const takeLeaf = leaf < leaves && (inner >= node || (weights[leaf] as number) <= (weights[inner] as number));
      const taken = takeLeaf ? leaf++ : inner++;
      weights[node] = (weights[node] as number) + (weights[taken] as number);
      parents[taken] = node;
    }
  }
  const depths = new Uint16Array(nodes);
  const counts = new Uint32Array(limit + 1);
  for (let node = nodes - 2; node >= 0; node--) {
    const depth = (depths[parents[node] as number] as number) + 1;
    depths[node] = depth;
    if (node < leaves) counts[Math.min(depth, limit)] = (counts[Math.min(depth, limit)] as number) + 1;
  }
  shorten(counts, limit);
  return counts;
}

/** Codes that were cut to the limit take too much of the code space; longer codes for others give it back. */
function shorten(counts: Uint32Array, limit: number): void {
  const add = (length: number, change: number) => {
    counts[length] = (counts[length] as number) + change;
  };
  let used = 0;
  for (let length = 1; length <= limit; length++) used += (counts[length] as number) * 2 ** (limit - length);
  for (; used > 2 ** limit; used--) {
    let length = limit - 1;
    while (counts[length] === 0) length--;
    // One code becomes two of the next length: one for its symbol, one for a symbol that had a code of the limit.
    add(length, -1);
    add(length + 1, 2);
    add(limit, -1);
  }
}

function reverseBits(code: number, length: number): number {
  const low = reversedBytes[code & 0xff] as number;
  const high = reversedBytes[code >> 8] as number;
  return ((low << 8) | high) >> (16 - length);
}

const reversedBytes = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) reversed |= ((byte >> bit) & 1) << (7 - bit);
  return reversed;
});
