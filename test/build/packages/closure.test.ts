import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Chosen, resolveClosure } from "../../../src/build/packages/closure.ts";
import { IndexBuilder, openIndex, type PackageIndex } from "../../../src/build/packages/package-index.ts";
import type { PackageRequest } from "../../../src/build/packages/request.ts";
import { makeUniverse } from "../../../src/build/packages/universe.ts";
import { type FixturePackage, paragraph } from "./fixtures.ts";

function index(packages: readonly FixturePackage[]): PackageIndex {
  const builder = new IndexBuilder();
  for (const fixture of packages) builder.add(Buffer.from(paragraph(fixture, "pool/x.deb", Buffer.from("deb"))));
  return openIndex(builder.finish()) as PackageIndex;
}

const base = {
  arch: "amd64",
  suite: "trixie",
  components: ["main"],
  updates: true,
  security: true,
  exclude: [],
  tools: [],
  allowExpired: false,
};

type Wish = Partial<Omit<PackageRequest, "include">> & {
  include: readonly (string | PackageRequest["include"][number])[];
};

function resolve(packages: readonly FixturePackage[], wish: Wish, security: readonly FixturePackage[] = []): Chosen[] {
  const universe = makeUniverse(
    [
      { archive: "debian", index: index(packages) },
      { archive: "debian-security", index: index(security) },
    ],
    "amd64",
  );
  const include = wish.include.map((entry) => (typeof entry === "string" ? { name: entry } : entry));
  return resolveClosure(universe, { ...base, ...wish, include });
}

/** `name version`, sorted, of whole packages for the image. */
const chosen = (...parameters: Parameters<typeof resolve>) =>
  resolve(...parameters)
    .map(({ candidate }) => (candidate.version === "1.0-1" ? candidate.name : `${candidate.name} ${candidate.version}`))
    .sort();

const pkg = (name: string, fields: Record<string, string> = {}, version?: string): FixturePackage => ({
  name,
  fields,
  ...(version && { version }),
});

describe("closure", () => {
  test("Depends and Pre-Depends of all, no Recommends, in circles too", () => {
    const packages = [
      pkg("a", { Depends: "b", "Pre-Depends": "c", Recommends: "r", Suggests: "s" }),
      pkg("b", { Depends: "a, d" }),
      ...["c", "d", "r", "s"].map((name) => pkg(name)),
    ];
    expect(chosen(packages, { include: ["a"] })).toEqual(["a", "b", "c", "d"]);
  });

  test("nothing only because it is essential", () => {
    expect(chosen([pkg("a"), pkg("bash", { Essential: "yes" })], { include: ["a"] })).toEqual(["a"]);
  });

  test("the newest version of all suites", () => {
    const found = resolve([pkg("a", {}, "1")], { include: ["a"] }, [pkg("a", {}, "1+deb13u1")]);
    expect(found.map(({ candidate }) => [candidate.version, candidate.archive])).toEqual([
      ["1+deb13u1", "debian-security"],
    ]);
  });

  test("an older version when the profile asks for it", () => {
    const versions = [pkg("a", {}, "1"), pkg("a", {}, "2"), pkg("a", {}, "3")];
    expect(chosen(versions, { include: [{ name: "a", version: "<< 3" }] })).toEqual(["a 2"]);
    expect(chosen(versions, { include: [{ name: "a", version: "1" }] })).toEqual(["a 1"]);
  });

  test("an older version when a dependency asks for it, though it was chosen newer before", () => {
    const packages = [
      pkg("a", { Depends: "lib" }),
      pkg("b", { Depends: "lib (= 1)" }),
      pkg("lib", { Depends: "old" }, "1"),
      pkg("lib", {}, "2"),
      pkg("old"),
    ];
    expect(chosen(packages, { include: ["a", "b"] })).toEqual(["a", "b", "lib 1", "old"]);
  });

  test("of alternatives the one that is there already, else the first that can be had", () => {
    const packages = [
      pkg("a", { Depends: "x | y" }),
      pkg("x"),
      pkg("y"),
      pkg("b", { Depends: "nowhere | y" }),
      pkg("c", { Depends: "x (>= 9) | y" }),
    ];
    expect(chosen(packages, { include: ["a"] })).toEqual(["a", "x"]);
    expect(chosen(packages, { include: ["a", "y"] })).toEqual(["a", "y"]);
    expect(chosen(packages, { include: ["b"] })).toEqual(["b", "y"]);
    expect(chosen(packages, { include: ["c"] })).toEqual(["c", "y"]);
  });

  test("of alternatives one that does not exclude what is there", () => {
    const packages = [pkg("a", { Depends: "x | y" }), pkg("x", { Conflicts: "z" }), pkg("y"), pkg("z")];
    expect(chosen(packages, { include: ["a", "z"] })).toEqual(["a", "y", "z"]);
  });

  test("virtual packages: what provides them, important ones first, then by name", () => {
    const provider = (name: string, Priority: string) => pkg(name, { Provides: "mta", Priority });
    const packages = [
      pkg("a", { Depends: "mta" }),
      provider("zmail", "important"),
      provider("bmail", "optional"),
      provider("cmail", "optional"),
    ];
    expect(chosen(packages, { include: ["a"] })).toEqual(["a", "zmail"]);
    expect(chosen(packages.slice(0, 1).concat(packages.slice(2)), { include: ["a"] })).toEqual(["a", "bmail"]);
    expect(chosen(packages, { include: ["a", "cmail"] })).toEqual(["a", "cmail"]);
  });

  test("a relation with a version needs a Provides with one", () => {
    const packages = [
      pkg("a", { Depends: "abi (>= 2)" }),
      pkg("b", { Provides: "abi" }),
      pkg("c", { Provides: "abi (= 1)" }),
      pkg("d", { Provides: "abi (= 2)" }),
    ];
    expect(chosen(packages, { include: ["a"] })).toEqual(["a", "d"]);
    expect(() => chosen(packages.slice(0, 3), { include: ["a"] })).toThrow(
      "cannot install a: it needs abi (>= 2), but what provides abi does not fit",
    );
  });

  test(":any needs Multi-Arch: allowed; another architecture never fits", () => {
    const packages = [
      pkg("a", { Depends: "p:any" }),
      pkg("p", { "Multi-Arch": "allowed" }),
      pkg("b", { Depends: "q:any" }),
      pkg("q"),
      pkg("c", { Depends: "q:amd64" }),
      pkg("d", { Depends: "q:i386" }),
    ];
    expect(chosen(packages, { include: ["a"] })).toEqual(["a", "p"]);
    expect(() => chosen(packages, { include: ["b"] })).toThrow("it needs q:any");
    expect(chosen(packages, { include: ["c"] })).toEqual(["c", "q"]);
    expect(() => chosen(packages, { include: ["d"] })).toThrow("it needs q:i386");
  });

  test("packages of another architecture are not seen, those of all are", () => {
    const packages = [pkg("a", { Architecture: "arm64" }, "9"), pkg("a", { Architecture: "all" }, "1")];
    expect(chosen(packages, { include: ["a"] })).toEqual(["a 1"]);
  });

  test("what is excluded stays out, and nothing comes in its place", () => {
    const packages = [
      pkg("a", { Depends: "x, y | z" }),
      pkg("x", { Depends: "deep" }),
      pkg("y"),
      pkg("z"),
      pkg("deep"),
    ];
    expect(chosen(packages, { include: ["a"], exclude: ["x", "y"] })).toEqual(["a"]);
  });

  test("Conflicts and Breaks, by name, version and Provides; not with itself", () => {
    const self = pkg("a", { Provides: "mta", Conflicts: "mta" });
    expect(chosen([self], { include: ["a"] })).toEqual(["a"]);
    expect(() => chosen([self, pkg("b", { Provides: "mta" })], { include: ["a", "b"] })).toThrow(
      "cannot install a and b together: a excludes mta",
    );
    expect(() => chosen([pkg("a", { Breaks: "b (<< 2)" }), pkg("b", {}, "1")], { include: ["a", "b"] })).toThrow(
      "a excludes b (<< 2)",
    );
    expect(chosen([pkg("a", { Breaks: "b (<< 2)" }), pkg("b", {}, "2")], { include: ["a", "b"] })).toEqual([
      "a",
      "b 2",
    ]);
  });

  test("some files of a package: without its dependencies, unless it is needed whole", () => {
    const packages = [pkg("a", { Depends: "b" }), pkg("b"), pkg("c", { Depends: "a" })];
    const part = { name: "a", files: ["/usr/bin/a"] };
    expect(resolve(packages, { include: [part, { name: "a", files: ["/usr/bin/b"] }] })).toMatchObject([
      { candidate: { name: "a" }, files: ["/usr/bin/a", "/usr/bin/b"], requested: true },
    ]);
    const whole = resolve(packages, { include: [part, "c"] });
    expect(whole.map(({ candidate, files }) => [candidate.name, files])).toEqual([
      ["c", undefined],
      ["a", undefined],
      ["b", undefined],
    ]);
  });

  test("tools: alone, and once if the image has them too", () => {
    const packages = [pkg("grub", { Depends: "b" }), pkg("b")];
    expect(resolve(packages, { include: [], tools: ["grub"] })).toMatchObject([
      { candidate: { name: "grub" }, purpose: "tool" },
    ]);
    expect(resolve(packages, { include: ["grub"], tools: ["grub", "b"] }).map(({ purpose }) => purpose)).toEqual([
      "image",
      "image",
    ]);
  });

  test("who needs whom", () => {
    const found = resolve([pkg("a", { Depends: "b, c" }), pkg("b", { Depends: "c" }), pkg("c")], { include: ["a"] });
    expect(
      found.map(({ candidate, requested, requiredBy }) => [candidate.name, requested, [...requiredBy].sort()]),
    ).toEqual([
      ["a", true, []],
      ["b", false, ["a"]],
      ["c", false, ["a", "b"]],
    ]);
  });

  test("bounds that no version meets end with an error, not in circles", () => {
    const packages = [
      pkg("a", { Depends: "lib (= 1)" }),
      pkg("b", { Depends: "lib (= 2)" }),
      pkg("lib", {}, "1"),
      pkg("lib", {}, "2"),
    ];
    expect(() => chosen(packages, { include: ["a", "b"] })).toThrow(/cannot install [ab]: it needs lib/);
  });

  test("the order of the request and of the index makes no difference", () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const relation = fc.subarray(names, { maxLength: 3 }).map((words) => words.join(" | "));
    const universe = fc
      .tuple(...names.map(() => fc.tuple(fc.array(relation, { maxLength: 3 }), fc.subarray(["v", "w"]))))
      .map((all) =>
        all.map(([depends, provides], at) =>
          pkg(names[at] as string, {
            Depends: [...depends, "v"].filter((word) => word !== "").join(", "),
            Provides: provides.join(", "),
          }),
        ),
      );
    const outcome = (packages: readonly FixturePackage[], include: string[]) => {
      try {
        return JSON.stringify(
          resolve(packages, { include }).map((entry) => ({ ...entry, requiredBy: [...entry.requiredBy].sort() })),
        );
      } catch (error) {
        return (error as Error).message;
      }
    };
    fc.assert(
      fc.property(universe, fc.subarray(names, { minLength: 2 }), (packages, include) => {
        expect(outcome([...packages].reverse(), [...include].reverse())).toBe(outcome(packages, include));
      }),
    );
  });
});
