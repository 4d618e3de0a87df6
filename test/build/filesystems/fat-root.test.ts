import { join } from "node:path";
import { expect, test } from "vitest";
import { fat } from "../../../src/build/filesystems/fat.ts";
import { flattenForFat } from "../../../src/build/filesystems/fat-root.ts";
import type { FileSystemPlan } from "../../../src/build/filesystems/filesystem-writer.ts";
import type { Node, Tree } from "../../../src/core/tree.ts";
import { checkFat, fatTextOf, textOfFat } from "./fat-oracle.ts";
import { attributes, file, scratchDirectory, symlink, writeImage } from "./images.ts";
import { problemsOf, request, treeOf } from "./requests.ts";

const scratch = scratchDirectory();
const directory: Node = { ...attributes, type: "directory" };

const textsOf = (tree: Tree) => fatTextOf(tree, { times: false });
const messagesOf = (nodes: Record<string, Node>) =>
  problemsOf(() => flattenForFat(treeOf(nodes))).map(({ message }) => message);

test("links become copies of what they lead to", async () => {
  const { tree, lost } = flattenForFat(
    treeOf({
      "/usr/bin/busybox": file("busybox", { mode: 0o755 }),
      "/usr/bin/sh": symlink("busybox"),
      "/usr/lib/libc.so.6": file("libc"),
      "/usr/lib/libc.so": symlink("/lib/libc.so.6"),
      "/bin": symlink("usr/bin"),
      "/lib": symlink("/usr/lib/"),
      "/a/chain": symlink("../b/link"),
      "/b/link": symlink("./../etc/target"),
      "/etc/target": file("target"),
      "/dev": directory,
    }),
  );
  expect(textsOf(tree)).toEqual(
    textsOf(
      treeOf({
        ...Object.fromEntries(
          ["/bin", "/usr/bin"].flatMap((at) => [
            [`${at}/busybox`, file("busybox")],
            [`${at}/sh`, file("busybox")],
          ]),
        ),
        ...Object.fromEntries(
          ["/lib", "/usr/lib"].flatMap((at) => [
            [`${at}/libc.so.6`, file("libc")],
            [`${at}/libc.so`, file("libc")],
          ]),
        ),
        "/a/chain": file("target"),
        "/b/link": file("target"),
        "/etc/target": file("target"),
        "/dev": directory,
      }),
    ),
  );
  expect(lost).toEqual(["symbolic links: 6 links (first: /a/chain) became copies; copies of files take 23 B"]);
  const { source } = (await fat.plan(request(tree, { label: "ROOT" }), {
    signal: new AbortController().signal,
    jobs: 1,
  })) as FileSystemPlan;
  const image = join(scratch, "root.img");
  await writeImage(source, image);
  await checkFat(image);
  expect(await textOfFat(image, scratch)).toEqual(fatTextOf(tree));
});

test("a directory is copied with the links in it, which lead to where they led", () => {
  const { tree } = flattenForFat(
    treeOf({
      "/opt/one/config": symlink("../shared"),
      "/opt/shared": file("shared"),
      "/elsewhere/deep/two": symlink("/opt/one"),
    }),
  );
  expect(textsOf(tree)).toMatchObject({
    "/elsewhere/deep/two": "directory",
    "/elsewhere/deep/two/config": textsOf(treeOf({ "/x": file("shared") }))["/x"],
  });
});

test("what is lost is told", () => {
  const shared = file("shared");
  const { lost } = flattenForFat(
    treeOf({
      "/etc/shadow": file("secret", { mode: 0o640, gid: 42 }),
      "/var/www": { ...directory, uid: 33, gid: 33 } as Node,
      "/var/www/index.html": file("x", { uid: 33, gid: 33 }),
      "/usr/bin/su": file("su", { mode: 0o4755 }),
      "/usr/bin/ping": file("ping", { xattrs: new Map([["security.capability", new Uint8Array(20)]]) }),
      "/one": shared,
      "/two": shared,
    }),
  );
  expect(lost).toEqual([
    "owner and group of 3 files (first: /etc/shadow)",
    "permissions of 1 file (first: /etc/shadow)",
    "set-user-id, set-group-id or sticky bit of 1 file (first: /usr/bin/su)",
    "extended attributes of 1 file (first: /usr/bin/ping)",
    "hard links: 1 name (first: /two) became a copy",
  ]);
});

test("links that lead nowhere or round in circles, devices, pipes and sockets: all are named", () => {
  const cannot = (path: string, reason: string) => `cannot put ${path} into a FAT file system: ${reason}`;
  expect(
    messagesOf({
      "/dangling": symlink("nowhere"),
      "/through": symlink("/nowhere/at/all"),
      "/onto-dangling": symlink("dangling"),
      "/a": symlink("b"),
      "/b": symlink("a"),
      "/itself": symlink("itself"),
      "/x11/here": symlink("."),
      "/deep/er/up": symlink("../../deep"),
      "/root": symlink("/"),
      "/dev/null": { ...attributes, type: "character-device", major: 1, minor: 3 },
      "/pipe": { ...attributes, type: "fifo" },
      "/socket": { ...attributes, type: "socket" },
      "/to-pipe": symlink("pipe"),
    }).sort(),
  ).toEqual([
    cannot("/a", "its target b leads round in circles"),
    cannot("/b", "its target a leads round in circles"),
    cannot("/dangling", "its target nowhere is not there"),
    cannot("/deep/er/up", "it leads to a directory that it lies in itself, so a copy would have no end"),
    cannot("/dev/null", "it is a character-device, and FAT has only files and directories"),
    cannot("/itself", "its target itself leads round in circles"),
    cannot("/onto-dangling", "its target dangling is not there"),
    cannot("/pipe", "it is a fifo, and FAT has only files and directories"),
    cannot("/root", "it leads to a directory that it lies in itself, so a copy would have no end"),
    cannot("/socket", "it is a socket, and FAT has only files and directories"),
    cannot("/through", "its target /nowhere/at/all is not there"),
    cannot("/x11/here", "it leads to a directory that it lies in itself, so a copy would have no end"),
  ]);
});

test("two directories with links into each other", () => {
  // The one that closes the circle is named; without it there is none.
  const messages = messagesOf({ "/a/to-b": symlink("/b"), "/b/to-a": symlink("/a") });
  expect(messages).toEqual([
    "cannot put /b/to-a into a FAT file system: it leads to a directory that it lies in itself, so a copy would have no end",
  ]);
});

test("copies of copies of copies are stopped", () => {
  const nodes: Record<string, Node> = { "/level60/file": file("x") };
  for (let level = 0; level < 60; level++)
    for (const name of ["left", "right"]) nodes[`/level${level}/${name}`] = symlink(`/level${level + 1}`);
  expect(messagesOf(nodes)).toEqual([
    "cannot put / into a FAT file system: copies of what its symbolic links lead to would be more than 1000000 files",
  ]);
});

test("links from everywhere to everywhere are told without trying all ways", () => {
  const nodes: Record<string, Node> = {};
  for (let from = 0; from < 40; from++) for (let to = 0; to < 40; to++) nodes[`/d${from}/to${to}`] = symlink(`/d${to}`);
  expect(messagesOf(nodes).length).toBe(40 + (40 * 39) / 2);
});

test("a tree that is flat already stays as it is", () => {
  const nodes = { "/a/b": file("x"), "/c": file("y") };
  const { tree, lost } = flattenForFat(treeOf(nodes));
  expect([...tree.entries()]).toEqual([...treeOf(nodes).entries()]);
  expect(lost).toEqual([]);
});
