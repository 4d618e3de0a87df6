import { places } from "./deflate-places.ts";

const { distanceCodeOf, distanceBase, distanceExtraBits, lengthCodeOf, literalCounts, distanceCounts } = places;
const { written, writtenDistances } = places;

const at4 = (index: string) => `(i32.shl ${index} (i32.const 2))`;
const increment = (place: number, slot: string) =>
  `(i32.store offset=${place} ${slot} (i32.add (i32.load offset=${place} ${slot}) (i32.const 1)))`;

/** `count(from, to)`, addresses of symbols: counts their codes, and returns how many bytes they stand for. 1028 is the first length symbol's place, 257 times four. */
export const countFunction = `
(func count
  (param $at i32) (param $end i32) (result i32)
  (local $symbol i32) (local $slot i32) (local $bytes i32)
  (block $finished (loop $symbols
    (br_if $finished (i32.ge_u (local.get $at) (local.get $end)))
    (local.set $symbol (i32.load (local.get $at)))
    (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (if (i32.lt_u (local.get $symbol) (i32.const 256))
      (then
        (local.set $slot ${at4("(local.get $symbol)")})
        ${increment(literalCounts, "(local.get $slot)")}
        (local.set $bytes (i32.add (local.get $bytes) (i32.const 1))))
      (else
        (local.set $bytes (i32.add (local.get $bytes)
          (i32.add (i32.and (local.get $symbol) (i32.const 0xff)) (i32.const 3))))
        (local.set $slot ${at4(`(i32.load8_u offset=${lengthCodeOf} (i32.and (local.get $symbol) (i32.const 0xff)))`)})
        ${increment(literalCounts + 1028, "(local.get $slot)")}
        (local.set $slot ${at4(`(i32.load8_u offset=${distanceCodeOf} (i32.shr_u (local.get $symbol) (i32.const 9)))`)})
        ${increment(distanceCounts, "(local.get $slot)")}))
    (br $symbols)))
  (local.get $bytes))
`;

/**
 * `emit(from, to, output, bits, bitCount)`: writes the codes of the symbols to the output, behind up to seven bits that wait. Returns the number of bits in all, these included; the
 * last that make no byte are in the output too.
 */
export const emitFunction = `
(func emit
  (param $at i32) (param $end i32) (param $output i32) (param $waiting i32) (param $bitCount i32) (result i32)
  (local $bits i64) (local $symbol i32) (local $entry i32) (local $code i32) (local $distance i32) (local $start i32)
  (local.set $start (local.get $output))
  (local.set $bits (i64.extend_i32_u (local.get $waiting)))
  (i64.store (local.get $output) (local.get $bits))
  (block $finished (loop $symbols
    (br_if $finished (i32.ge_u (local.get $at) (local.get $end)))
    (local.set $symbol (i32.load (local.get $at)))
    (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (local.set $entry (i32.load offset=${written} ${at4("(i32.and (local.get $symbol) (i32.const 0x1ff))")}))
    (local.set $bits (i64.or (local.get $bits) (i64.shl
      (i64.extend_i32_u (i32.and (local.get $entry) (i32.const 0xffffff)))
      (i64.extend_i32_u (local.get $bitCount)))))
    (local.set $bitCount (i32.add (local.get $bitCount) (i32.shr_u (local.get $entry) (i32.const 24))))
    ;; At most 7 bits waited; 20 of a length and 28 of a distance make 55.
    (if (i32.ge_u (local.get $symbol) (i32.const 256)) (then
      (local.set $distance (i32.shr_u (local.get $symbol) (i32.const 9)))
      (local.set $code (i32.load8_u offset=${distanceCodeOf} (local.get $distance)))
      (local.set $entry (i32.load offset=${writtenDistances} ${at4("(local.get $code)")}))
      (local.set $bits (i64.or (local.get $bits) (i64.shl
        (i64.extend_i32_u (i32.or
          (i32.and (local.get $entry) (i32.const 0xffffff))
          (i32.shl
            (i32.sub (local.get $distance)
              (i32.load16_u offset=${distanceBase} (i32.shl (local.get $code) (i32.const 1))))
            (i32.shr_u (local.get $entry) (i32.const 24)))))
        (i64.extend_i32_u (local.get $bitCount)))))
      (local.set $bitCount (i32.add (i32.load8_u offset=${distanceExtraBits} (local.get $code))
        (i32.add (local.get $bitCount) (i32.shr_u (local.get $entry) (i32.const 24)))))))
    (i64.store (local.get $output) (local.get $bits))
    (local.set $output (i32.add (local.get $output) (i32.shr_u (local.get $bitCount) (i32.const 3))))
    (local.set $bits (i64.shr_u (local.get $bits)
      (i64.extend_i32_u (i32.and (local.get $bitCount) (i32.const 0x38)))))
    (local.set $bitCount (i32.and (local.get $bitCount) (i32.const 7)))
    (br $symbols)))
  (i64.store (local.get $output) (local.get $bits))
  (i32.add (local.get $bitCount) (i32.shl (i32.sub (local.get $output) (local.get $start)) (i32.const 3))))
`;
