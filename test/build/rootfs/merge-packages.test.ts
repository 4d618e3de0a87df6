import { expect, test } from "vitest";
import { mergePackages } from "../../../src/build/rootfs/merge-packages.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { fileNode, saidOf, treeOf } from "./trees.ts";

function pathsOf(tree: Tree): string[] {
  return [...tree.entries()].map(([path]) => path);
}

test("what the profile prunes is gone with the directories that it leaves empty; licences stay unless they are named", () => {
  const app = treeOf("package app", {
    "/usr/bin/app": "app",
    "/usr/share/doc/app/changelog.gz": "…",
    "/usr/share/doc/app/copyright": "licence",
    "/usr/share/man/man1/app.1.gz": "…",
    "/usr/lib/x/gconv/a.so": "…",
    "/var/lib/dpkg/info/app.list": "…",
    "/boot/vmlinuz-6": "…",
  });
  const prune = ["/usr/share/doc/**", "/usr/share/man/**", "/usr/lib/*/gconv/**"];
  expect(pathsOf(mergePackages(new Map([["app", app]]), prune, 7))).toEqual([
    ...["/", "/usr", "/usr/bin", "/usr/bin/app"],
    ...["/usr/share", "/usr/share/doc", "/usr/share/doc/app", "/usr/share/doc/app/copyright"],
  ]);
  expect(
    pathsOf(mergePackages(new Map([["app", app]]), [...prune, "/usr/share/doc/*/copyright"], 7)).filter((path) =>
      path.startsWith("/usr/share"),
    ),
  ).toEqual([]);
});

test("files of two packages at one path are a conflict, all of them told at once", () => {
  const packages = new Map(
    ["one", "two"].map((name) => [
      name,
      treeOf(`package ${name}`, { "/etc/a": name, "/etc/b": name, [`/etc/${name}`]: name, "/etc/link": "-> a" }),
    ]),
  );
  expect(saidOf(() => mergePackages(packages, [], 7))).toEqual(
    ["/etc/a", "/etc/b"].map(
      (path) =>
        `image/conflict: cannot put a file at ${path}: package one has already put a file there (this one comes from package two)`,
    ),
  );
  expect(saidOf(() => mergePackages(packages, ["/etc/[ab]"], 7))).toEqual([]);
});

test("no time is later than the epoch, and hard links stay one file", () => {
  const node = fileNode("package app", "x", { mtime: 900 });
  const old = fileNode("package app", "y", { mtime: 3 });
  const tree = mergePackages(new Map([["app", treeOf("package app", { "/a": node, "/b": node, "/c": old })]]), [], 7);
  expect(tree.get("/a")?.mtime).toBe(7);
  expect(tree.get("/a")).toBe(tree.get("/b"));
  expect(tree.get("/c")?.mtime).toBe(3);
});
