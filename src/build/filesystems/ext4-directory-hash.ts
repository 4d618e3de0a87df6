/**
 * The hash by which an indexed directory is sorted: half-MD4 of the name with the file system's seed, characters taken as signed
 * (fs/ext4/hash.c, ext4fs_dirhash with DX_HASH_HALF_MD4).
 */
export type DirectoryHash = (name: Uint8Array) => number;

const k2 = 0x5a827999;
const k3 = 0x6ed9eba1;
/** The largest hash marks the end of a directory for readdir, so no name may have it. */
const endOfDirectory = 0xfffffffe;

/** `seed`: the sixteen bytes of `s_hash_seed`. An all-zero seed would mean "use MD4's own", which we never write. */
export function halfMd4(seed: Uint8Array): DirectoryHash {
  const view = new DataView(seed.buffer, seed.byteOffset, 16);
  const words = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  return (name) => {
    const state = Int32Array.from(words);
    const input = new Int32Array(8);
    for (let at = 0; at < name.length; at += 32) {
      fillWords(input, name, at);
      transform(state, input);
    }
    const hash = ((state[1] as number) & ~1) >>> 0;
    return hash === endOfDirectory ? endOfDirectory - 2 : hash;
  };
}

/** Eight words of four characters each; room behind the name is filled with its remaining length (str2hashbuf_signed). */
function fillWords(input: Int32Array, name: Uint8Array, at: number): void {
  const left = name.length - at;
  let padding = left | (left << 8);
  padding |= padding << 16;
  const length = Math.min(left, 32);
  let word = padding;
  let used = 0;
  for (let index = 0; index < length; index++) {
    const signed = ((name[at + index] as number) << 24) >> 24;
    word = (signed + (word << 8)) | 0;
    if (index % 4 === 3) {
      input[used++] = word;
      word = padding;
    }
  }
  if (used < 8) input[used++] = word;
  while (used < 8) input[used++] = padding;
}

function transform(state: Int32Array, x: Int32Array): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  const at = (index: number): number => x[index] as number;
  const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
  const f = (p: number, q: number, r: number): number => r ^ (p & (q ^ r));
  const g = (p: number, q: number, r: number): number => ((p & q) + ((p ^ q) & r)) | 0;
  const h = (p: number, q: number, r: number): number => p ^ q ^ r;

  for (const i of [0, 4]) {
    a = rotate((a + f(b, c, d) + at(i)) | 0, 3);
    d = rotate((d + f(a, b, c) + at(i + 1)) | 0, 7);
    c = rotate((c + f(d, a, b) + at(i + 2)) | 0, 11);
    b = rotate((b + f(c, d, a) + at(i + 3)) | 0, 19);
  }
  for (const i of [1, 0]) {
    a = rotate((a + g(b, c, d) + at(i) + k2) | 0, 3);
    d = rotate((d + g(a, b, c) + at(i + 2) + k2) | 0, 5);
    c = rotate((c + g(d, a, b) + at(i + 4) + k2) | 0, 9);
    b = rotate((b + g(c, d, a) + at(i + 6) + k2) | 0, 13);
  }
  for (const i of [3, 1]) {
    a = rotate((a + h(b, c, d) + at(i) + k3) | 0, 3);
    d = rotate((d + h(a, b, c) + at(i + 4) + k3) | 0, 9);
    c = rotate((c + h(d, a, b) + at(i - 1) + k3) | 0, 11);
    b = rotate((b + h(c, d, a) + at(i + 3) + k3) | 0, 15);
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
}
