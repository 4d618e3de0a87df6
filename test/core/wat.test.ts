import { describe, expect, test } from "vitest";
import { assemble } from "../../src/core/wat.ts";

const run = (text: string, ...numbers: number[]) => assemble(`(module ${text})`)(65536).functions["run"]?.(...numbers);

describe("assemble", () => {
  test("numbers of any size, as many parameters as there are", () => {
    for (const value of [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)])
      expect(run(`(func run (result i32) (i32.const ${value}))`)).toBe(value);
    expect(
      run("(func run (param $a i32) (param $b i32) (result i32) (i32.sub (local.get $a) (local.get $b)))", 7, 9),
    ).toBe(-2);
  });

  test("loops, branches out of several blocks, conditions", () => {
    const text = `(func run (param $n i32) (result i32) (local $sum i32) ;; the sum of the odd numbers below n
      (block $out (loop $next
        (br_if $out (i32.eqz (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (if (i32.and (local.get $n) (i32.const 1))
          (then (local.set $sum (i32.add (local.get $sum) (local.get $n))) (br $next))
          (else (br_if $out (i32.gt_u (local.get $sum) (i32.const 1000)))))
        (br $next)))
      (local.get $sum))`;
    expect(run(text, 10)).toBe(25);
    expect(run(text, 0)).toBe(0);
  });

  test("memory, and 64 bits at once", () => {
    const { memory, functions } =
      assemble(`(module (func zero) (func differsAt (param $a i32) (param $b i32) (result i32)
      (i32.store offset=400 (i32.const 0) (i32.const 77))
      (i32.wrap_i64 (i64.ctz (i64.xor (i64.load (local.get $a)) (i64.load offset=100 (local.get $b)))))))`)(65536);
    new Uint8Array(memory).set([1, 2, 3, 4, 5, 6, 7, 8], 0);
    new Uint8Array(memory).set([1, 2, 3, 4, 5, 6, 8, 8], 103);
    functions["zero"]?.();
    expect(functions["differsAt"]?.(0, 3)).toBe(48);
    expect(new DataView(memory).getInt32(400, true)).toBe(77);
  });

  test.each([
    ["(func run (i32.nothing))", "i32.nothing is not known"],
    ["(func run (local.get $x))", "no local $x"],
    ["(func run (block $a (br $b)))", "no block has the label $b"],
    ["(func run (block $a)", "not closed"],
  ])("%s is refused", (text, message) => {
    expect(() => assemble(`(module ${text})`)).toThrow(message);
  });
});
