import { places } from "./deflate-places.ts";

const { heads3, previous, input } = places;

/** Knuth's multiplicative method. The hashes of 15 and of 13 bits come out as offsets into tables of 16-bit numbers. */
const hashFactor = 0x9e3779b1 | 0;
const hash4 = `(i32.and (i32.shr_u (i32.mul (local.get $word) (i32.const ${hashFactor})) (i32.const 16)) (i32.const 0xfffe))`;
const hash3 = `(i32.and (i32.shr_u (i32.mul (i32.shl (local.get $word) (i32.const 8)) (i32.const ${hashFactor}))
  (i32.const 18)) (i32.const 0x3ffe))`;

/**
 * Finds the matches of an input: `search(length, windowBytes, shallowest, deepest, symbolsAt)` writes its symbols (see deflate-block.ts) and returns how many there are.
 *
 * Positions are stored in 16 bits. What is older than that seems near, but what is there is compared in any case.
 */
export const searchFunction = `
(func search
  (param $length i32) (param $window i32) (param $shallowest i32) (param $deepest i32) (param $symbols i32)
  (result i32)
  (local $symbol i32) (local $mask i32) (local $hashable i32) (local $position i32) (local $word i32)
  (local $slot i32) (local $nearest4 i32) (local $nearest3 i32)
  (local $heldLength i32) (local $heldDistance i32) (local $literalIsHeld i32)
  (local $bestLength i32) (local $bestDistance i32) (local $distance i32) (local $next i32) (local $reach i32)
  (local $longest i32) (local $enough i32) (local $depth i32) (local $left i32) (local $leftWhenFound i32)
  (local $endOffset i32) (local $endWord i32) (local $candidate i32) (local $matched i32) (local $end i32)
  (local $difference i64)
  (local.set $symbol (local.get $symbols))
  (local.set $mask (i32.sub (local.get $window) (i32.const 1)))
  (local.set $hashable (i32.sub (local.get $length) (i32.const 3)))
  ;; How many candidates are tried now: where the last ones tend to be the better ones, ever more.
  (local.set $depth (local.get $deepest))
  (block $finished (loop $positions
    (br_if $finished (i32.ge_u (local.get $position) (local.get $length)))
    (local.set $bestLength (local.get $heldLength))
    (local.set $bestDistance (i32.const 0))
    (block $searched
      (br_if $searched (i32.eqz (i32.lt_s (local.get $position) (local.get $hashable))))
      (local.set $word (i32.load offset=${input} (local.get $position)))
      (local.set $slot ${hash4})
      (local.set $nearest4 (i32.load16_u (local.get $slot)))
      (i32.store16 (local.get $slot) (local.get $position))
      (local.set $slot ${hash3})
      (local.set $nearest3 (i32.load16_u offset=${heads3} (local.get $slot)))
      (i32.store16 offset=${heads3} (local.get $slot) (local.get $position))
      (i32.store16 offset=${previous}
        (i32.shl (i32.and (local.get $position) (local.get $mask)) (i32.const 1)) (local.get $nearest4))
      ;; A match as long as this is not tried to be bettered.
      (br_if $searched (i32.ge_u (local.get $heldLength) (i32.const 16)))
      (local.set $reach (select (local.get $position) (local.get $window)
        (i32.lt_u (local.get $position) (local.get $window))))
      (if (i32.eqz (local.get $heldLength)) (then
        (local.set $bestLength (i32.const 3))
        (local.set $distance
          (i32.and (i32.sub (local.get $position) (local.get $nearest3)) (i32.const 0xffff)))
        ;; A match of three that is farther than 4096 away costs more than three literals.
        (if (i32.and
            (i32.lt_u (i32.sub (local.get $distance) (i32.const 1)) (local.get $reach))
            (i32.le_u (local.get $distance) (i32.const 4096))) (then
          (if (i32.eqz (i32.shl
              (i32.xor (local.get $word)
                (i32.load offset=${input} (i32.sub (local.get $position) (local.get $distance))))
              (i32.const 8))) (then
            (local.set $bestDistance (local.get $distance))))))))
      (local.set $distance
        (i32.and (i32.sub (local.get $position) (local.get $nearest4)) (i32.const 0xffff)))
      (br_if $searched (i32.ge_u (i32.sub (local.get $distance) (i32.const 1)) (local.get $reach)))
      (local.set $longest (i32.sub (local.get $length) (local.get $position)))
      (if (i32.gt_u (local.get $longest) (i32.const 258)) (then (local.set $longest (i32.const 258))))
      ;; A match as long as this is taken at once.
      (local.set $enough (select (local.get $longest) (i32.const 128)
        (i32.lt_u (local.get $longest) (i32.const 128))))
      (local.set $left (local.get $depth))
      (local.set $leftWhenFound (local.get $depth))
      ;; One as long as this is tried to be bettered with a quarter of the effort.
      (if (i32.ge_u (local.get $heldLength) (i32.const 8)) (then
        (local.set $left (i32.shr_u (local.get $depth) (i32.const 2)))))
      ;; What a longer match must have at the end of the best one so far: most candidates have not.
      (local.set $endOffset (i32.sub (local.get $bestLength) (i32.const 3)))
      (local.set $endWord (i32.load offset=${input} (i32.add (local.get $position) (local.get $endOffset))))
      (block $exhausted (loop $candidates
        (local.set $candidate (i32.sub (local.get $position) (local.get $distance)))
        (block $tried
          (br_if $tried (i32.ne (local.get $endWord)
            (i32.load offset=${input} (i32.add (local.get $candidate) (local.get $endOffset)))))
          (br_if $tried (i32.ne (local.get $word) (i32.load offset=${input} (local.get $candidate))))
          (local.set $matched (i32.const 4))
          (block $differs (loop $equal
            (br_if $differs (i32.ge_u (local.get $matched) (local.get $longest)))
            (local.set $difference (i64.xor
              (i64.load offset=${input} (i32.add (local.get $candidate) (local.get $matched)))
              (i64.load offset=${input} (i32.add (local.get $position) (local.get $matched)))))
            (if (i64.eqz (local.get $difference)) (then
              (local.set $matched (i32.add (local.get $matched) (i32.const 8)))
              (br $equal)))
            (local.set $matched (i32.add (local.get $matched)
              (i32.shr_u (i32.wrap_i64 (i64.ctz (local.get $difference))) (i32.const 3))))))
          (if (i32.gt_u (local.get $matched) (local.get $longest)) (then
            (local.set $matched (local.get $longest))))
          (br_if $tried (i32.le_u (local.get $matched) (local.get $bestLength)))
          (local.set $bestLength (local.get $matched))
          (local.set $bestDistance (local.get $distance))
          (local.set $leftWhenFound (local.get $left))
          (br_if $exhausted (i32.ge_u (local.get $matched) (local.get $enough)))
          (local.set $endOffset (i32.sub (local.get $matched) (i32.const 3)))
          (local.set $endWord
            (i32.load offset=${input} (i32.add (local.get $position) (local.get $endOffset)))))
        (local.set $next (i32.and (i32.const 0xffff) (i32.sub (local.get $position)
          (i32.load16_u offset=${previous}
            (i32.shl (i32.and (local.get $candidate) (local.get $mask)) (i32.const 1))))))
        ;; A place in the ring that was used again points forward.
        (br_if $exhausted (i32.le_u (local.get $next) (local.get $distance)))
        (local.set $distance (local.get $next))
        (br_if $exhausted (i32.gt_u (local.get $distance) (local.get $reach)))
        (br_if $candidates (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
      (br_if $searched (local.get $left))
      (br_if $searched (i32.ge_u (local.get $heldLength) (i32.const 8)))
      (if (i32.le_u (local.get $leftWhenFound) (i32.shr_u (local.get $depth) (i32.const 1)))
        (then
          (local.set $depth (i32.add (local.get $depth) (i32.const 4)))
          (if (i32.gt_u (local.get $depth) (local.get $deepest)) (then
            (local.set $depth (local.get $deepest)))))
        (else (if (i32.gt_u (local.get $depth) (local.get $shallowest)) (then
          (local.set $depth (i32.sub (local.get $depth) (i32.const 1))))))))
    ;; A match is held back until the next position has been tried: a longer one there is worth a literal here.
    (if (i32.and (i32.ne (local.get $heldLength) (i32.const 0)) (i32.eqz (local.get $bestDistance)))
      (then
        (i32.store (local.get $symbol) (i32.or
          (i32.or (i32.shl (local.get $heldDistance) (i32.const 9)) (i32.const 256))
          (i32.sub (local.get $heldLength) (i32.const 3))))
        (local.set $symbol (i32.add (local.get $symbol) (i32.const 4)))
        (local.set $end (i32.sub (i32.add (local.get $position) (local.get $heldLength)) (i32.const 1)))
        (block $linked (loop $inside
          (local.set $position (i32.add (local.get $position) (i32.const 1)))
          (br_if $linked (i32.ge_u (local.get $position) (local.get $end)))
          (br_if $linked (i32.eqz (i32.lt_s (local.get $position) (local.get $hashable))))
          (local.set $word (i32.load offset=${input} (local.get $position)))
          (local.set $slot ${hash4})
          (i32.store16 offset=${previous}
            (i32.shl (i32.and (local.get $position) (local.get $mask)) (i32.const 1))
            (i32.load16_u (local.get $slot)))
          (i32.store16 (local.get $slot) (local.get $position))
          (i32.store16 offset=${heads3} ${hash3} (local.get $position))
          (br $inside)))
        (local.set $position (local.get $end))
        (local.set $heldLength (i32.const 0))
        (local.set $literalIsHeld (i32.const 0)))
      (else
        (if (local.get $literalIsHeld) (then
          (i32.store (local.get $symbol)
            (i32.load8_u offset=${input} (i32.sub (local.get $position) (i32.const 1))))
          (local.set $symbol (i32.add (local.get $symbol) (i32.const 4)))))
        (local.set $literalIsHeld (i32.const 1))
        (local.set $heldLength (select (local.get $bestLength) (i32.const 0) (local.get $bestDistance)))
        (local.set $heldDistance (local.get $bestDistance))
        (local.set $position (i32.add (local.get $position) (i32.const 1)))))
    (br $positions)))
  (if (local.get $literalIsHeld) (then
    (i32.store (local.get $symbol) (i32.load8_u offset=${input} (i32.sub (local.get $length) (i32.const 1))))
    (local.set $symbol (i32.add (local.get $symbol) (i32.const 4)))))
  (i32.shr_u (i32.sub (local.get $symbol) (local.get $symbols)) (i32.const 2)))
`;
