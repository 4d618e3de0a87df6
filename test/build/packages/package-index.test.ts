import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IndexBuilder, openIndex } from "../../../src/build/packages/package-index.ts";

const text = `Package: b
Version: 1
Architecture: amd64
Depends: libc6 (>= 2),
 zlib1g
Provides: virtual, other (= 2)
Filename: pool/b.deb
Size: 12
SHA256: abc
Description: of b
 Package: not-one

Package: a
Version: 2
Architecture: all
Provides: virtual
Size: 1

Package: a
Version: 10
Size: 2
`;

function build(pieces: readonly string[]): Buffer {
  const builder = new IndexBuilder();
  for (const piece of pieces) builder.add(Buffer.from(piece));
  return builder.finish();
}

describe("compact index", () => {
  test("fields, continuation lines, several versions, what is not there", () => {
    const index = openIndex(build([text]));
    expect(index?.find("b")).toEqual([
      {
        name: "b",
        version: "1",
        architecture: "amd64",
        multiArch: "",
        priority: "",
        path: "pool/b.deb",
        sizeBytes: 12,
        sha256: "abc",
        preDepends: "",
        depends: "libc6 (>= 2), zlib1g",
        conflicts: "",
        breaks: "",
        provides: "virtual, other (= 2)",
      },
    ]);
    expect(
      index
        ?.find("a")
        .map(({ version }) => version)
        .sort(),
    ).toEqual(["10", "2"]);
    expect(index?.find("not-one")).toEqual([]);
    expect(index?.providers("virtual")).toEqual(["a", "b"]);
    expect(index?.providers("other")).toEqual(["b"]);
    expect(index?.names()).toEqual(["a", "b"]);
  });

  test("pieces may end anywhere", () => {
    const whole = build([text]);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: text.length }), { maxLength: 9 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, at) => text.slice(places[at], end));
        expect(build(pieces).equals(whole)).toBe(true);
      }),
    );
  });

  test("every name is found among many, and none beside them", () => {
    const name = fc.string({ unit: fc.constantFrom(..."ab0+-."), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 40 }), name, (names, other) => {
        const index = openIndex(build(names.map((word) => `Package: ${word}\nVersion: 1\n\n`)));
        for (const word of names) expect(index?.find(word)).toHaveLength(1);
        expect(index?.find(other)).toHaveLength(names.includes(other) ? 1 : 0);
      }),
    );
  });

  test("one that went bad is not used", () => {
    const bytes = build([text]);
    for (const at of [0, 20, bytes.length - 3]) {
      const bad = Buffer.from(bytes);
      bad[at] = (bad[at] as number) ^ 1;
      expect(openIndex(bad)).toBeUndefined();
    }
    expect(openIndex(bytes.subarray(0, -1))).toBeUndefined();
    expect(openIndex(Buffer.alloc(0))).toBeUndefined();
  });

  test("an empty index", () => {
    const index = openIndex(build(["\n"]));
    expect(index?.find("a")).toEqual([]);
    expect(index?.names()).toEqual([]);
  });
});
