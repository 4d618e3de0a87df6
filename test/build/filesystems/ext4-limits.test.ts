import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { zeroSource } from "../../../src/core/byte-source.ts";
import type { Node } from "../../../src/core/tree.ts";
import { checkExt4, statExt4 } from "./ext4-reader.ts";
import { attributes, file, pattern, scratchDirectory, symlink, writeImage } from "./images.ts";
import { planExt4, problemsOf, treeOf } from "./requests.ts";

const scratch = scratchDirectory();
const device = (major: number, minor: number): Node => ({ ...attributes, type: "block-device", major, minor });
const withXattr = (name: string, value: Uint8Array): Node => file("", { xattrs: new Map([[name, value]]) });
const inExt4 = (path: string, reason: string): string => `cannot put ${path} into an ext4 file system: ${reason}`;

describe("what ext4 cannot hold is said, with the path", () => {
  test.each<[path: string, node: Node, reason: string]>([
    [`/${"n".repeat(256)}`, file(""), "its name is 256 bytes long, and 255 are the limit"],
    [`/${"é".repeat(128)}`, file(""), "its name is 256 bytes long, and 255 are the limit"],
    ["/a\0b", file(""), "its name contains a NUL"],
    ["/link", symlink(""), "its target is empty"],
    ["/link", symlink("t".repeat(4096)), "its target is 4096 bytes long, and 4095 are the limit"],
    ["/link", symlink("a\0b"), "its target contains a NUL"],
    ["/dev", device(4096, 0), "its major device number 4096 is not between 0 and 4095"],
    ["/dev", device(0, 2 ** 20), "its minor device number 1048576 is not between 0 and 1048575"],
    ["/id", file("", { uid: 2 ** 32 - 1 }), "its user id 4294967295 is not between 0 and 4294967294"],
    ["/id", file("", { gid: -1 }), "its group id -1 is not between 0 and 4294967294"],
    ["/mode", file("", { mode: 0o100644 }), "its mode 33188 is not between 0 and 07777"],
    [
      "/time",
      file("", { mtime: 2 ** 34 }),
      `its time ${2 ** 34} is not between -2147483648 and 15032385535 seconds from 1970`,
    ],
    [
      "/time",
      file("", { mtime: Number.NaN }),
      "its time NaN is not between -2147483648 and 15032385535 seconds from 1970",
    ],
    ["/size", file(zeroSource(2 ** 44)), "it is 17592186044416 bytes long, and 17592186040320 are the limit"],
    ["/lost+found", file(""), "this name belongs to a directory that e2fsck uses"],
    [
      "/x",
      withXattr("other.name", pattern(1)),
      "its extended attribute other.name is in none of the name spaces user, trusted, security and system",
    ],
    ["/x", withXattr("user.", pattern(1)), "the name of its extended attribute user. is not 1 to 255 bytes long"],
    [
      "/x",
      withXattr("user.big", pattern(4041)),
      "its extended attributes need 4064 bytes beside the inode, and one block has room for 4060",
    ],
    [
      "/x",
      withXattr("system.posix_acl_access", pattern(7)),
      "its system.posix_acl_access is not an access control list",
    ],
  ])("%s", (path, node, reason) => {
    expect(problemsOf(() => planExt4(treeOf({ [path]: node })))).toEqual([
      { code: "image/unsupported", message: inExt4(path, reason) },
    ]);
  });

  test("all at once, not only the first", () => {
    const tree = treeOf({ "/a": symlink(""), "/b": device(9999, 0), "/c": file("", { uid: -5, gid: -6 }) });
    expect(problemsOf(() => planExt4(tree)).map(({ message }) => message.split(":")[0])).toEqual(
      ["/a", "/b", "/c", "/c"].map((path) => `cannot put ${path} into an ext4 file system`),
    );
  });

  test("more than 65,000 names of one file", () => {
    const shared = file("");
    const tree = treeOf({});
    for (let index = 0; index <= 65_000; index++) tree.set(`/${index % 7}/${index}`, shared);
    expect(problemsOf(() => planExt4(tree)).map(({ message }) => message)).toEqual([
      inExt4("/0/0", "it has 65001 hard links, and 65000 are the limit"),
    ]);
  });

  test("a label of more than 16 bytes", () => {
    expect(problemsOf(() => planExt4(treeOf({}), { label: "seventeen bytes !" }))).toEqual([
      {
        code: "image/unsupported",
        message: 'cannot label an ext4 file system "seventeen bytes !": that is 17 bytes long',
        hint: "use at most 16 bytes",
      },
    ]);
  });

  test("more than 16 TiB", () => {
    const content = { sizeBytes: 2 ** 43, extents: [{ offsetBytes: 0, lengthBytes: 2 ** 43 }], read() {} };
    const tree = treeOf({ "/a": file(content), "/b": file(content) });
    expect(problemsOf(() => planExt4(tree))[0]?.message).toBe(
      "cannot make an ext4 file system: its contents need more than 16 TiB",
    );
  });
});

describe("just what it can hold", () => {
  test("a hole as long as a file may be", async () => {
    const image = await writeImage(
      planExt4(treeOf({ "/hole": file(zeroSource((2 ** 32 - 1) * 4096)) })).source,
      join(scratch, "hole.img"),
    );
    await checkExt4(image);
    expect(await statExt4(image, scratch, "/hole")).toContain("Size: 17592186040320");
  });

  test("65,000 names of one file", async () => {
    const shared = file("shared");
    const tree = treeOf({});
    for (let index = 0; index < 65_000; index++) tree.set(`/${index % 7}/${index}`, shared);
    const image = await writeImage(planExt4(tree).source, join(scratch, "links.img"));
    await checkExt4(image);
    expect(await statExt4(image, scratch, "/0/0")).toContain("Links: 65000 ");
  });
});
