import { expect, test } from "vitest";
import { zeroSource } from "../../../src/core/byte-source.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import { attributes, file, symlink } from "./images.ts";
import { problemsOfAsync, treeOf } from "./requests.ts";
import { planSquashfs, textOfOurs } from "./squashfs-oracle.ts";
import { textOfTree } from "./tree-text.ts";

const device = (major: number, minor: number): Node => ({ ...attributes, type: "block-device", major, minor });
const withXattr = (name: string, value: Uint8Array): Node => file("", { xattrs: new Map([[name, value]]) });

test.each<[path: string, node: Node, reason: string]>([
  [`/${"n".repeat(257)}`, file(""), "its name is 257 bytes long, and 256 are the limit"],
  ["/a\0b", file(""), "its name contains a NUL"],
  ["/link", symlink(""), "its target is empty"],
  ["/link", symlink("t".repeat(4096)), "its target is 4096 bytes long, and 4095 are the limit"],
  ["/link", symlink("a\0b"), "its target contains a NUL"],
  ["/dev", device(4096, 0), "its major device number 4096 is not between 0 and 4095"],
  ["/dev", device(0, 2 ** 20), "its minor device number 1048576 is not between 0 and 1048575"],
  ["/id", file("", { uid: 2 ** 32 - 1 }), "its user id 4294967295 is not between 0 and 4294967294"],
  ["/id", file("", { gid: -1 }), "its group id -1 is not between 0 and 4294967294"],
  ["/mode", file("", { mode: 0o100644 }), "its mode 33188 is not between 0 and 07777"],
  ["/time", file("", { mtime: -1 }), "its time -1 is not between 0 and 4294967295 seconds from 1970"],
  ["/time", file("", { mtime: 2 ** 32 }), "its time 4294967296 is not between 0 and 4294967295 seconds from 1970"],
  ["/size", file(zeroSource(2 ** 42)), "it is 4398046511104 bytes long, and 2199023255552 are the limit"],
  [
    "/x",
    withXattr("system.posix_acl_access", new Uint8Array(4)),
    "its extended attribute system.posix_acl_access is in none of the name spaces user, trusted and security",
  ],
  [
    "/x",
    withXattr("user.", new Uint8Array(1)),
    "the name of its extended attribute user. is empty or longer than 255 bytes",
  ],
  [
    "/x",
    withXattr("user.a", new Uint8Array(65_537)),
    "its extended attribute user.a is 65537 bytes long, and 65536 are the limit",
  ],
])("%s cannot be held, and that is said", async (path, node, reason) => {
  expect(await problemsOfAsync(() => planSquashfs(treeOf({ [path]: node })))).toEqual([
    { code: "image/unsupported", message: `cannot put ${path} into a squashfs: ${reason}` },
  ]);
});

test("all paths are named, not only the first", async () => {
  const problems = await problemsOfAsync(() =>
    planSquashfs(treeOf({ "/a": symlink(""), "/b": device(4096, 0), "/c": file("", { mtime: -1, uid: -1 }) })),
  );
  expect(problems.map(({ message }) => / (\/.) /.exec(message)?.[1])).toEqual(["/a", "/b", "/c", "/c"]);
});

/** Files with this many owners besides root. */
function treeOfOwners(count: number): Tree {
  const tree = new Tree(attributes);
  for (let index = 1; index <= count; index++) tree.set(`/${index % 100}/${index}`, file("", { uid: index, gid: 0 }));
  return tree;
}

test("65,535 owners are held, and the next one is named", async () => {
  const tree = treeOfOwners(65_534);
  expect(textOfOurs((await planSquashfs(tree)).source)).toEqual(textOfTree(tree));
  const [problem, ...rest] = await problemsOfAsync(() => planSquashfs(treeOfOwners(65_535)));
  expect(rest).toEqual([]);
  expect(problem?.message).toMatch(
    /^cannot put \/99\/\d+ into a squashfs: its owner \d+ would be the 65536th, and 65535 are the limit$/,
  );
});

test.each([1000, 5000, 2048, 2 ** 21])("%d is no block size", (blockSizeBytes) =>
  expect(planSquashfs(treeOf({}), { blockSizeBytes })).rejects.toThrow(RangeError),
);
