import { createHash } from "node:crypto";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, symlink, writeImage } from "./images.ts";
import { planSquashfs } from "./squashfs-oracle.ts";

const scratch = scratchDirectory();

/** Directories whose listings GRUB 2.12 can read whole: it takes a long one's size for 16 bits wide. */
const tree = new Tree(attributes);
tree.set("/boot/vmlinuz", file(pattern(700_001, 1)));
tree.set("/boot/grub/grub.cfg", file("set timeout=0\n", { xattrs: new Map([["user.a", pattern(3)]]) }));
tree.set("/boot/sparse", file(sparseSource(900_000, [400_000])));
tree.set("/vmlinuz", symlink("boot/vmlinuz"));
for (let index = 0; index < 1500; index++) tree.set(`/many/entry-number-${index}`, file(`${index}`));
const linked = file(pattern(200_000, 2));
tree.set("/a", linked);
tree.set("/boot/b", linked);

describe.each(["gzip", "xz"] as const)("GRUB reads what is compressed with %s", (compression) => {
  const image = join(scratch, compression);
  beforeAll(async () => void (await writeImage((await planSquashfs(tree, { compression })).source, image)));

  const grub = async (...words: string[]) => {
    const { status, output } = await runOracle("grub-fstest", [image, ...words], "latin1");
    expect({ status, output: status === 0 ? "" : output }).toEqual({ status: 0, output: "" });
    return output;
  };

  test.each([
    "/boot/vmlinuz",
    "/vmlinuz",
    "/boot/grub/grub.cfg",
    "/boot/sparse",
    "/a",
    "/boot/b",
    "/many/entry-number-1499",
  ])("%s", async (path) => {
    const node = tree.get(tree.resolve(path) as string);
    if (node?.type !== "file") throw new Error(`${path} is no file`);
    const expected = new Uint8Array(node.content.sizeBytes);
    node.content.read(expected, 0);
    const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(digest(Buffer.from(await grub("cat", path), "latin1"))).toBe(digest(expected));
  });

  test("directories", async () => {
    expect((await grub("ls", "/")).trim().split(" ").sort()).toEqual(["a", "boot/", "many/", "vmlinuz"]);
    expect((await grub("ls", "/many/")).trim().split(" ").length).toBe(1500);
  });
});
