import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planAccounts } from "../../../src/build/rootfs/accounts.ts";
import { addProfileFiles } from "../../../src/build/rootfs/profile-files.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { files as filesSchema, users as usersSchema } from "../../../src/profile/contents-sections.ts";
import { fileDetail, textOfTree } from "../filesystems/tree-text.ts";
import { problemsOf, saidOf, treeOf } from "./trees.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-files-"));
const at = (...names: string[]) => join(directory, ...names);
const accounts = planAccounts(usersSchema.parse([{ name: "ada" }]));
let server: Server;

beforeAll(async () => {
  mkdirSync(at("site/sub"), { recursive: true });
  writeFileSync(at("site/a.html"), "a");
  writeFileSync(at("site/b.html"), "b");
  writeFileSync(at("site/sub/run.sh"), "#!/bin/sh\n");
  symlinkSync("../a.html", at("site/sub/link"));
  // None of this may show in the image, but for the owner's executable bit.
  chmodSync(at("site/a.html"), 0o666);
  chmodSync(at("site/sub/run.sh"), 0o777);
  chmodSync(at("site"), 0o700);
  utimesSync(at("site/a.html"), 1, 1);
  server = createServer();
  await new Promise<void>((resolve) => server.listen(at("socket"), resolve));
});
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

function add(files: unknown, tree = treeOf("package app", {})): Tree {
  const request = { accounts, epochSeconds: 7, locate: (index: number) => ({ file: "p.yaml", line: index + 1 }) };
  addProfileFiles(tree, { ...request, files: filesSchema.parse(files) });
  return tree;
}

function textOf(tree: Tree): Record<string, string> {
  return textOfTree(tree);
}

test("a file: nothing of this host but its content and whether it can be run", () => {
  const tree = add([
    { source: at("site/a.html"), target: "/srv/a" },
    { source: at("site/sub/run.sh"), target: "/usr/local/bin/run" },
    { content: "hello\n", target: "/etc/motd" },
    { content: "secret", target: "/etc/secret", mode: "0400", user: "ada", group: 33 },
  ]);
  expect(textOf(tree)).toMatchObject({
    "/srv/a": `file 0644 0:0 7 ${fileDetail(Buffer.from("a"))}`,
    "/usr/local/bin/run": `file 0755 0:0 7 ${fileDetail(Buffer.from("#!/bin/sh\n"))}`,
    "/etc/motd": `file 0644 0:0 7 ${fileDetail(Buffer.from("hello\n"))}`,
    "/etc/secret": `file 0400 1000:33 7 ${fileDetail(Buffer.from("secret"))}`,
  });
});

test("a directory comes with all below it, links as links", () => {
  const tree = add([{ source: at("site"), target: "/srv/www", user: "www-data", group: "www-data" }]);
  expect(textOf(tree)).toEqual({
    "/": "directory 0755 0:0 0",
    "/srv": "directory 0755 0:0 7",
    "/srv/www": "directory 0755 33:33 7",
    "/srv/www/a.html": `file 0644 33:33 7 ${fileDetail(Buffer.from("a"))}`,
    "/srv/www/b.html": `file 0644 33:33 7 ${fileDetail(Buffer.from("b"))}`,
    "/srv/www/sub": "directory 0755 33:33 7",
    "/srv/www/sub/link": "symlink 0777 33:33 7 -> ../a.html",
    "/srv/www/sub/run.sh": `file 0755 33:33 7 ${fileDetail(Buffer.from("#!/bin/sh\n"))}`,
  });
});

test("the mode of a directory's files lets the same people into its directories", () => {
  const tree = add([{ source: at("site"), target: "/srv/www", mode: "0640" }]);
  expect(textOf(tree)).toMatchObject({
    "/srv/www/sub": "directory 0750 0:0 7",
    "/srv/www/a.html": expect.stringMatching(/^file 0640/),
  });
});

test("a directory onto one that is there leaves its owner and mode alone", () => {
  const tree = treeOf("package app", {});
  tree.set("/srv", { type: "directory", mode: 0o750, uid: 5, gid: 6, mtime: 3, origin: "package app" });
  expect(textOf(add([{ source: at("site"), target: "/srv" }], tree))["/srv"]).toBe("directory 0750 5:6 3");
});

test("a glob's matches go into the target", () => {
  const tree = add([{ source: at("site/*.html"), target: "/srv" }]);
  expect(tree.list("/srv")).toEqual(["a.html", "b.html"]);
});

test("what is missing is told with all else that is wrong, each with its place", () => {
  const files = [
    { source: at("nothing"), target: "/a" },
    { source: at("*.none"), target: "/b" },
    { source: at("socket"), target: "/c" },
    { content: "", target: "/d", user: "nobdy", group: "root" },
    { content: "mine", target: "/there" },
  ];
  const problems = problemsOf(() => add(files, treeOf("package app", { "/there": "theirs" })));
  expect(problems.map(({ code, message, where }) => `${where?.line} ${code}: ${message}`)).toEqual([
    `1 profile/no-source: cannot add ${at("nothing")}: there is no such file`,
    `2 profile/no-source: cannot add ${at("*.none")}: nothing matches it`,
    `3 profile/no-source: cannot add ${at("socket")}: it is neither a file nor a directory`,
    "4 profile/unknown-owner: cannot give a file to the user nobdy: the image has no such user",
    "5 image/conflict: cannot put a file at /there: package app has already put a file there (this one comes from profile files[4])",
  ]);
  expect(problems[3]?.hint).toBe('did you mean "nobody"?');
});

test("replace allows what would be a conflict, but not a file in place of a directory with contents", () => {
  const there = () => treeOf("package app", { "/there": "theirs", "/dir/file": "theirs" });
  const tree = add([{ content: "mine", target: "/there", replace: true }], there());
  expect(tree.get("/there")).toMatchObject({ origin: "profile files[0]" });
  expect(saidOf(() => add([{ content: "mine", target: "/dir", replace: true }], there()))).toEqual([
    expect.stringContaining("image/conflict: cannot put a file at /dir: "),
  ]);
});
