import { describe, expect, test } from "vitest";
import type { Tree } from "../../src/core/tree.ts";
import { expandPath, findPath } from "../../src/examine/paths.ts";
import { attributes, file, symlink } from "../build/filesystems/images.ts";
import { problemsOf, treeOf } from "../build/filesystems/requests.ts";

const tree: Tree = treeOf({
  "/etc/passwd": file("x"),
  "/etc/a.conf": file("a"),
  "/etc/b.conf": file("b"),
  "/etc/conf.d/c.conf": file("c"),
  "/etc/[x]": file("odd"),
  "/usr/bin/sh": file("sh"),
  "/bin": symlink("usr/bin"),
  "/up": symlink("../../../etc"),
  "/host": symlink("/etc/passwd"),
  "/dangling": symlink("/nowhere"),
  "/loop": symlink("loop"),
  "/empty": { ...attributes, type: "directory" },
});

describe("a path is followed inside the image", () => {
  test.each([
    ["/bin/sh", "/usr/bin/sh"],
    ["/host", "/etc/passwd"],
    ["/up/passwd", "/etc/passwd"],
    ["/../../etc/./passwd", "/etc/passwd"],
    ["/", "/"],
    ["/etc/", "/etc"],
  ])("%s → %s", (path, resolved) => expect(findPath(tree, path).resolved).toBe(resolved));

  test.each([
    ["/etc/pasdwd", /there is no pasdwd in \/etc/, 'did you mean "passwd"?'],
    ["/etc/pass", /there is no pass in \/etc/, 'did you mean "passwd"?'],
    ["/ect/passwd", /there is no ect in \//, 'did you mean "etc"?'],
    ["/bin/zsh/x", /there is no zsh in \/usr\/bin/, undefined],
    ["/etc/passwd/x", /\/etc\/passwd is a file, not a directory/, undefined],
    ["/dangling", /\/dangling is a link to \/nowhere/, undefined],
    ["/loop", /link to loop/, undefined],
    ["/etc/passwd/", /it is a file/, undefined],
  ])("%s is explained", (path, message, hint) => {
    const [problem] = problemsOf(() => findPath(tree, path));
    expect(problem?.code).toBe("image/no-path");
    expect(problem?.message).toMatch(message);
    if (hint !== undefined) expect(problem?.hint).toContain(hint);
  });
});

describe("globs", () => {
  test.each([
    ["/etc/*.conf", ["/etc/a.conf", "/etc/b.conf"]],
    ["/etc/[ab].conf", ["/etc/a.conf", "/etc/b.conf"]],
    ["/*/passwd", ["/etc/passwd"]],
    ["/**/*.conf", ["/etc/a.conf", "/etc/b.conf", "/etc/conf.d/c.conf"]],
    ["/up/?.conf", ["/up/a.conf", "/up/b.conf"]],
    ["/etc/[x]", ["/etc/[x]"]],
    ["/etc", ["/etc"]],
    ["/e*", ["/empty", "/etc"]],
  ])("%s", (pattern, expected) => expect(expandPath(tree, pattern)).toEqual(expected));

  test("one that matches nothing", () => {
    expect(problemsOf(() => expandPath(tree, "/etc/*.txt"))[0]).toMatchObject({ code: "image/no-path" });
  });
});
