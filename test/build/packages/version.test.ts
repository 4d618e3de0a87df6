import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareVersions, satisfies } from "../../../src/build/packages/version.ts";
import { runOracle } from "../../oracles/run.ts";

/** From smallest to largest (Debian Policy 5.6.12, and what real archives have). */
const ascending = [
  "0~~",
  "0~~a",
  "0~",
  "0",
  "0a",
  "0.1~rc1-1",
  "0.1-1",
  "0.1-1+b1",
  "0.1-1+b10",
  "0.1-1+deb13u1",
  "0.1-1.1",
  "0.01-2",
  "1.0~beta1~svn1245",
  "1.0~beta1",
  "1.0",
  "1.0a",
  "1.0+",
  "1.0.",
  "6.12.107+deb13",
  "6.12.117+deb13",
  "9",
  "10",
  "99999999999999999999",
  "100000000000000000000",
  "1:0~",
  "1:0",
  "2:0",
];

const equal = [
  ["1.0", "1.0-0"],
  ["0:1.0", "1.0"],
  ["1.00", "1.0"],
  ["1.0-", "1.0"],
  ["1.0-001", "1.0-1"],
] as const;

const sign = (value: number) => Math.sign(value);

describe("versions", () => {
  test("each is smaller than every later one, whichever way it is asked", () => {
    for (const [i, a] of ascending.entries())
      for (const [j, b] of ascending.entries())
        expect([a, b, sign(compareVersions(a, b))]).toEqual([a, b, sign(i - j)]);
  });

  test.each(equal)("%s equals %s", (a, b) => expect(compareVersions(a, b)).toBe(0));

  test("operators", () => {
    expect((["<<", "<=", "=", ">=", ">>"] as const).filter((operator) => satisfies("1", operator, "1"))).toEqual([
      "<=",
      "=",
      ">=",
    ]);
    expect((["<<", "<=", "=", ">=", ">>"] as const).filter((operator) => satisfies("1~", operator, "1"))).toEqual([
      "<<",
      "<=",
    ]);
  });

  test("as dpkg compares", { timeout: 120_000 }, async () => {
    const part = fc.string({ unit: fc.constantFrom(..."0019aAzZ.+~"), maxLength: 6 });
    const version = fc
      .tuple(fc.option(fc.integer({ min: 0, max: 2 })), part, fc.option(part))
      .map(
        ([epoch, upstream, revision]) =>
          `${epoch === null ? "" : `${epoch}:`}1${upstream}${revision ? `-${revision}` : ""}`,
      );
    const ask = async (a: string, operator: string, b: string) =>
      (await runOracle("dpkg", ["--compare-versions", a, operator, b])).status === 0;
    await fc.assert(
      fc.asyncProperty(version, version, async (a, b) => {
        const order = (await ask(a, "lt", b)) ? -1 : (await ask(a, "eq", b)) ? 0 : 1;
        expect(sign(compareVersions(a, b))).toBe(order);
        expect(sign(compareVersions(b, a))).toBe(0 - order);
      }),
      { numRuns: 150 },
    );
  });

  test("an order: transitive and antisymmetric", () => {
    const version = fc
      .string({ unit: fc.constantFrom(..."019aZ.+~-:"), maxLength: 8 })
      .map((text) => `1${text.replaceAll(":", "")}`);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(sign(compareVersions(a, b))).toBe(0 - sign(compareVersions(b, a)));
        const [x, y, z] = [a, b, c].sort(compareVersions) as [string, string, string];
        expect(compareVersions(x, y)).toBeLessThanOrEqual(0);
        expect(compareVersions(x, z)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
