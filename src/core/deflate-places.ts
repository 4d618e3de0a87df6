/** Where things are in the memory of deflate's WebAssembly functions; what follows the input is placed by its size. */
export const places = {
  /** The last position of each hash of four bytes, in 16 bits. */
  heads4: 0,
  /** The same for three. */
  heads3: 0x10000,
  /** For each position of the window, the one before it with the same hash of four. */
  previous: 0x14000,
  /** The code of each distance, and for each code its smallest distance in 16 bits and how many extra bits it has. */
  distanceCodeOf: 0x24000,
  distanceBase: 0x2c100,
  distanceExtraBits: 0x2c180,
  /** The code of each match length less 3. */
  lengthCodeOf: 0x2c200,
  /** How often each symbol is in a block, in 32 bits. */
  literalCounts: 0x2c300,
  distanceCounts: 0x2c800,
  /** What is written for the low nine bits of a symbol: a literal's code, or a match length's code and extra bits. How many bits they are is from bit 24 on. */
  written: 0x2c900,
  /** The same for the codes of distances, without extra bits. */
  writtenDistances: 0x2d100,
  /** The input, and zeros behind it: eight bytes can be read from any position. */
  input: 0x2d200,
} as const;
