import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { planAccounts } from "../../../src/build/rootfs/accounts.ts";
import { makeChanges } from "../../../src/build/rootfs/changes.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { changes as changesSchema } from "../../../src/profile/contents-sections.ts";
import { fileNode, problemsOf, treeOf } from "./trees.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-changes-"));
writeFileSync(join(directory, "new.conf"), "from the host");
afterAll(() => rmSync(directory, { recursive: true }));

function there(): Tree {
  return treeOf("package app", {
    "/etc/app.conf": fileNode("package app", "port 80\nport 81\nname $x\n", { mode: 0o640, gid: 42 }),
    "/etc/link": "-> app.conf",
    "/bin": "-> usr/bin",
    "/usr/bin/app": fileNode("package app", Uint8Array.of(0x7f, 0xff, 0xfe)),
    "/usr/share/doc/a/x": "",
    "/usr/share/doc/b": "",
  });
}

function change(changes: unknown, tree = there()): Tree {
  const locate = (path: readonly (string | number)[]) => ({ file: `p.yaml ${path.join(".")}` });
  makeChanges(tree, changesSchema.parse(changes), { accounts: planAccounts([]), epochSeconds: 7, locate });
  return tree;
}

function textAt(tree: Tree, path: string): string {
  const node = tree.get(path);
  return node?.type === "file" ? Buffer.from(readAll(node.content)).toString() : "";
}

test("replace gives another content and leaves owner and mode", () => {
  const tree = change([
    { path: "/etc/app.conf", replace: { source: join(directory, "new.conf") } },
    { path: "/etc/link", replace: { content: "no link any more" }, mode: "0600" },
  ]);
  expect(textAt(tree, "/etc/app.conf")).toBe("from the host");
  expect(tree.get("/etc/app.conf")).toMatchObject({ mode: 0o640, gid: 42, mtime: 7 });
  expect(textAt(tree, "/etc/link")).toBe("no link any more");
  expect(tree.get("/etc/link")).toMatchObject({ type: "file", mode: 0o600 });
});

test("edit changes what matches, with groups, at line starts; later changes see earlier ones", () => {
  const tree = change([
    { path: "/etc/app.conf", edit: { match: "^port (\\d)(\\d)$", with: "port $2$1", all: true } },
    { path: "/etc/app.conf", edit: { match: "^port 18", with: "$$x" } },
  ]);
  expect(textAt(tree, "/etc/app.conf")).toBe("port 08\n$x\nname $x\n");
});

test("remove takes globs and all below a directory", () => {
  const tree = change([
    { path: "/usr/share/doc/*", remove: true },
    { path: "/bin", remove: true },
  ]);
  expect([tree.list("/usr/share/doc"), tree.has("/bin"), tree.has("/usr/bin/app")]).toEqual([[], false, true]);
});

test("mode and owner alone, through links on the way", () => {
  const tree = change([{ path: "/bin/app", mode: "4755", user: "www-data", group: "shadow" }]);
  expect(tree.get("/usr/bin/app")).toMatchObject({ mode: 0o4755, uid: 33, gid: 42, mtime: 0 });
});

test("what finds nothing to change is told, all of it, each at its line", () => {
  const edit = { match: "x", with: "y" };
  const problems = problemsOf(() =>
    change([
      { path: "/etc/ap.conf", edit },
      { path: "/etc/nothing*", remove: true },
      { path: "/etc/app.conf", edit: { match: "nothing", with: "" } },
      { path: "/etc/app.conf", edit: { match: "port", with: "" } },
      { path: "/etc/link", edit },
      { path: "/usr/bin/app", edit },
      { path: "/etc", replace: { content: "" } },
      { path: "/etc/app.conf", user: "nobdy", group: "root" },
      { path: "/etc/app.conf", replace: { source: join(directory, "none") } },
    ]),
  );
  expect(problems.map(({ code, message, where }) => `${where?.file} ${code} ${message}`)).toEqual([
    "p.yaml changes.0.path profile/no-match cannot change /etc/ap.conf: the image has no such path",
    "p.yaml changes.1.path profile/no-match cannot remove /etc/nothing*: the image has no such path",
    "p.yaml changes.2.edit profile/no-match cannot edit /etc/app.conf: nothing in it matches nothing",
    "p.yaml changes.3.edit profile/no-match cannot edit /etc/app.conf: port matches 2 times",
    "p.yaml changes.4.edit profile/no-match cannot change /etc/link: it is a symbolic link to app.conf",
    "p.yaml changes.5.edit profile/no-match cannot edit /usr/bin/app: it is not UTF-8 text",
    "p.yaml changes.6.replace profile/no-match cannot change /etc: it is a directory",
    expect.stringContaining("p.yaml changes.7.path profile/unknown-owner"),
    expect.stringContaining("p.yaml changes.8.replace profile/no-source"),
  ]);
  expect(problems[0]?.hint).toContain("/etc/app.conf");
});
