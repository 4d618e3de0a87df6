import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planAccounts } from "../../../src/build/rootfs/accounts.ts";
import { addArchives } from "../../../src/build/rootfs/archives.ts";
import { addOverlays } from "../../../src/build/rootfs/overlays.ts";
import type { Tree } from "../../../src/core/tree.ts";
import {
  archives as archivesSchema,
  overlays as overlaysSchema,
  users as usersSchema,
} from "../../../src/profile/contents-sections.ts";
import { textOfTree } from "../filesystems/tree-text.ts";
import { fileNode, problemsOf, saidOf, treeOf } from "./trees.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-overlays-"));
const at = (...names: string[]) => join(directory, ...names);
const request = {
  accounts: planAccounts(usersSchema.parse([{ name: "ada" }])),
  epochSeconds: 7,
  locate: (path: readonly (string | number)[]) => ({ file: `p.yaml ${path.join(".")}` }),
};

beforeAll(() => {
  const files = { "one/bin/tool": "#!", "one/etc/app.conf": "mine", "one/srv/data/x": "x", "two/etc/app.conf": "last" };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text, { mode: 0o600 });
  }
  chmodSync(at("one/bin/tool"), 0o700);
  mkdirSync(at("one/var/empty"), { recursive: true });
  symlinkSync("../usr/share/zoneinfo/UTC", at("one/etc/localtime"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function lay(
  overlays: unknown,
  tree = treeOf("package app", { "/etc/app.conf": "theirs", "/usr/bin/sh": "sh" }),
): Tree {
  addOverlays(tree, overlaysSchema.parse(overlays), request);
  return tree;
}

test("an overlay replaces what packages brought, joins directories, and knows the merged /usr", () => {
  const tree = lay([at("one")]);
  expect(textOfTree(tree)).toMatchObject({
    "/usr/bin/sh": expect.stringMatching(/^file 0644/),
    "/usr/bin/tool": expect.stringMatching(/^file 0755 0:0 7 2 /),
    "/etc/app.conf": expect.stringMatching(/^file 0644 0:0 7 4 /),
    "/etc/localtime": "symlink 0777 0:0 7 -> ../usr/share/zoneinfo/UTC",
    "/var/empty": "directory 0755 0:0 7",
  });
  expect(tree.has("/bin")).toBe(false);
  expect(tree.get("/etc/app.conf")?.origin).toBe("profile overlays[0]");
});

test("of several overlays the last one counts", () => {
  expect(lay([at("one"), at("two")]).get("/etc/app.conf")?.origin).toBe("profile overlays[1]");
});

test("attributes by glob, the last that matches; below a target; for directories that are there too", () => {
  const tree = treeOf("package app", { "/opt/one/srv/there": "x" });
  const attributes = [
    { path: "/opt/one/srv/**", user: "ada", group: "ada" },
    { path: "/opt/one/srv/data", user: 5, group: 6 },
    { path: "/opt/one/srv", mode: "0700" },
    { path: "/opt/one/srv/data/*", mode: "0400" },
  ];
  lay([{ source: at("one"), target: "/opt/one", attributes }], tree);
  expect(textOfTree(tree)).toMatchObject({
    "/opt/one/srv": "directory 0700 0:0 7",
    "/opt/one/srv/data": "directory 0700 5:6 7",
    "/opt/one/srv/data/x": expect.stringMatching(/^file 0400 5:6/),
    "/opt/one/srv/there": expect.stringMatching(/^file 0644 0:0/),
  });
});

test("all that is wrong, each with its place", () => {
  const attributes = [
    { path: "/nothing", mode: "0600" },
    { path: "/etc", user: "adda", group: "root" },
  ];
  const wrong = [at("none"), at("one/etc/app.conf"), { source: at("one"), attributes }];
  expect(problemsOf(() => lay(wrong)).map(({ code, where }) => `${code} ${where?.file}`)).toEqual([
    "profile/no-source p.yaml overlays.0",
    "profile/no-source p.yaml overlays.1",
    "profile/no-match p.yaml overlays.2.attributes.0.path",
    "profile/unknown-owner p.yaml overlays.2.attributes.1.path",
  ]);
});

test("a file cannot take the place of a directory with contents", () => {
  expect(saidOf(() => lay([at("one")], treeOf("package app", { "/etc/app.conf/x": "" })))).toEqual([
    expect.stringMatching(/^image\/conflict: cannot put a file at \/etc\/app.conf/),
  ]);
});

test("an archive keeps its owners, links and times before the epoch, and leaves directories that are there alone", () => {
  const shared = fileNode("archive", "x", { uid: 9, gid: 8, mtime: 3 });
  const layer = treeOf("archive", { "/bin/a": shared, "/bin/b": shared, "/new": { ...shared, type: "directory" } });
  layer.set("/etc", { type: "directory", mode: 0o700, uid: 1000, gid: 1000, mtime: 99, origin: "archive" });
  const tree = treeOf("package app", { "/etc/x": "" });
  addArchives(tree, archivesSchema.parse([{ source: "a.tar" }]), [layer], request);
  expect(tree.get("/usr/bin/a")).toMatchObject({ uid: 9, gid: 8, mtime: 3 });
  expect(tree.get("/usr/bin/b")).toBe(tree.get("/usr/bin/a"));
  expect(tree.get("/etc")).toMatchObject({ mode: 0o755, uid: 0 });
  expect(tree.get("/new")).toMatchObject({ type: "directory", uid: 9 });
});

test("an archive conflicts with what is there, unless it may replace; owners by name; a target", () => {
  const layer = () => treeOf("archive", { "/x": "theirs" });
  const there = () => treeOf("package app", { "/opt/x": "mine" });
  const add = (more: object, tree: Tree) => {
    addArchives(tree, archivesSchema.parse([{ source: "a.tar", target: "/opt", ...more }]), [layer()], request);
    return tree;
  };
  expect(saidOf(() => add({}, there()))).toEqual([expect.stringContaining("image/conflict")]);
  expect(add({ replace: true, user: "ada", group: 5 }, there()).get("/opt/x")).toMatchObject({ uid: 1000, gid: 5 });
});
