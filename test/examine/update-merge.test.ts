import { describe, expect, test } from "vitest";
import { CloudimgError } from "../../src/core/errors.ts";
import { parseImageManifest } from "../../src/core/image-manifest.ts";
import type { Node } from "../../src/core/tree.ts";
import { mergeTrees } from "../../src/examine/update-merge.ts";
import { readImageManifest } from "../../src/examine/update-target.ts";
import { file, symlink } from "../build/filesystems/images.ts";
import { problemsOf, treeOf } from "../build/filesystems/requests.ts";
import { textOfTree } from "../build/filesystems/tree-text.ts";
import { withManifest } from "./manifests.ts";

type Nodes = Readonly<Record<string, Node>>;

/** Three times a tree: as it was built, as it is, as it shall be. What becomes of the paths, and what is there afterwards. */
function merge(built: Nodes, now: Nodes, next: Nodes) {
  const { paths } = readImageManifest(withManifest(treeOf(built))) ?? parseImageManifest("");
  const { tree, changes } = mergeTrees(paths, treeOf(now), treeOf(next));
  const outcomes = Object.fromEntries(
    Object.entries(changes).filter(([, found]) => typeof found === "object" && found.length > 0),
  );
  const { "/": _, ...contents } = textOfTree(tree);
  return { outcomes, contents };
}

const [a, b, c] = [file("a"), file("b"), file("c")];
const directory: Node = { ...a, type: "directory", mode: 0o755 };
const textOf = (nodes: Nodes) => {
  const { "/": _, ...text } = textOfTree(treeOf(nodes));
  return text;
};

describe("one path in three versions", () => {
  test.each<
    [
      what: string,
      built: Node | undefined,
      now: Node | undefined,
      next: Node | undefined,
      outcome: string,
      node: Node | undefined,
    ]
  >([
    ["new in the profile", undefined, undefined, a, "added", a],
    ["new in the system", undefined, a, undefined, "kept", a],
    ["changed by the profile", a, a, b, "replaced", b],
    ["dropped by the profile", a, a, undefined, "removed", undefined],
    ["changed by the system", a, b, a, "kept-changed", b],
    ["changed by both", a, b, c, "overruled", c],
    ["changed by both to the same", a, b, b, "unchanged", b],
    ["made by both", undefined, a, b, "overruled", b],
    ["changed by the system, dropped by the profile", a, b, undefined, "kept-changed", b],
    ["removed by the system", a, undefined, a, "kept-changed", undefined],
    ["removed by the system, changed by the profile", a, undefined, b, "overruled", b],
    ["removed by both", a, undefined, undefined, "unchanged", undefined],
    ["of another owner in the system", a, { ...a, uid: 7 }, a, "kept-changed", { ...a, uid: 7 }],
    ["of another mode in the profile", a, a, { ...a, mode: 0o600 }, "replaced", { ...a, mode: 0o600 }],
    [
      "with an attribute in the system",
      a,
      { ...a, xattrs: new Map([["user.x", Uint8Array.of(1)]]) },
      a,
      "kept-changed",
      { ...a, xattrs: new Map([["user.x", Uint8Array.of(1)]]) },
    ],
    ["a link instead of a file in the profile", a, a, symlink("b"), "replaced", symlink("b")],
    [
      "a link that leads elsewhere in the system",
      symlink("a"),
      symlink("b"),
      symlink("a"),
      "kept-changed",
      symlink("b"),
    ],
    ["touched only", a, { ...a, mtime: 99 }, a, "unchanged", a],
  ])("%s", (_, built, now, next, outcome, node) => {
    const nodes = (at: Node | undefined): Nodes => (at === undefined ? {} : { "/x": at });
    const { outcomes, contents } = merge(nodes(built), nodes(now), nodes(next));
    expect(outcomes).toEqual(outcome === "unchanged" ? {} : { [outcome]: ["/x"] });
    expect(contents).toEqual(textOf(nodes(node)));
  });
});

describe("directories", () => {
  test("that the profile drops go, unless the system has something in them", () => {
    const built = { "/old": directory, "/old/a": a, "/shared": directory, "/shared/a": a };
    const { outcomes, contents } = merge(built, { ...built, "/shared/own": b }, {});
    expect(outcomes).toEqual({ removed: ["/old", "/old/a", "/shared/a"], kept: ["/shared/own"] });
    expect(contents).toEqual(textOf({ "/shared": directory, "/shared/own": b }));
  });

  test("that the system has removed come back for something new only", () => {
    const built = { "/opt": directory, "/opt/a": a, "/opt/b": b };
    expect(merge(built, {}, built).contents).toEqual({});
    expect(merge(built, {}, { ...built, "/opt/c": c }).contents).toEqual(textOf({ "/opt": directory, "/opt/c": c }));
  });

  test("that become something else must not hold what is the system's", () => {
    const built = { "/srv": directory, "/srv/a": a };
    const now = { ...built, "/srv/data": b, "/srv/more": c };
    expect(problemsOf(() => merge(built, now, { "/srv": symlink("data") })).map(({ message }) => message)).toEqual([
      "cannot keep /srv/data, which the system has: the profile has a symlink at /srv",
      "cannot keep /srv/more, which the system has: the profile has a symlink at /srv",
    ]);
    expect(merge(built, built, { "/srv": symlink("data") }).contents).toEqual(textOf({ "/srv": symlink("data") }));
  });

  test("that the system has made a link cannot take what is new", () => {
    const built = { "/www": directory, "/www/index": a };
    const now = { "/www": symlink("/data") };
    const problems = problemsOf(() => merge(built, now, { ...built, "/www/index": b }));
    expect(problems.map(({ code, message }) => [code, message])).toEqual([
      ["image/conflict", "cannot keep /www/index, which the profile has: the system has a symlink at /www"],
    ]);
  });
});

test("names of one file stay names of one file, on both sides", () => {
  const [own, shared] = [file("own"), file("shared")];
  const { contents } = merge(
    { "/s1": shared, "/s2": shared },
    { "/s1": shared, "/s2": shared, "/o1": own, "/o2": own },
    { "/s1": shared, "/s2": shared },
  );
  expect(contents["/o2"]).toBe("link /o1");
  expect(contents["/s2"]).toBe("link /s1");
});

test("what is no list is refused", () => {
  const tree = treeOf({ "/usr/share/cloudimg/manifest.json": file("{}") });
  expect(() => readImageManifest(tree)).toThrow(CloudimgError);
  expect(readImageManifest(treeOf({}))).toBeUndefined();
});
