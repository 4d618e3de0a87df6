import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { bytesSource } from "../../src/core/byte-source.ts";
import { fail } from "../../src/core/errors.ts";
import { Tree } from "../../src/core/tree.ts";
import { driversIn } from "../../src/examine/modules-in.ts";
import { attributes, file } from "../build/filesystems/images.ts";

const base = "/usr/lib/modules/6.1";
const tree = new Tree(attributes);
for (const name of ["virtio-blk", "nvme"]) tree.set(`${base}/kernel/${name}.ko.xz`, file(""));

const early = Buffer.from("070701kernel/x86/microcode/GenuineIntel.bin TRAILER!!!\0\0\0\0", "latin1");
const main = Buffer.from(`070701usr${base}/kernel/virtio_blk.ko.zst TRAILER!!!`);

describe("drivers in an initrd", () => {
  test.each([
    ["as it is", main],
    ["behind microcode, by zstd", Buffer.concat([early, zstdCompressSync(main)])],
    ["by gzip", gzipSync(main)],
  ])("%s", (_, bytes) => {
    const { place } = driversIn(tree, [bytesSource(bytes)]);
    expect([place("virtio_blk"), place("nvme"), place("virtio_net")]).toEqual(["initrd", "system", "nowhere"]);
  });

  test("one that unpacks to more than can be kept, one that is damaged: it is not known what is in them", () => {
    const bomb = bytesSource(zstdCompressSync(Buffer.alloc(300 * 1024 * 1024)));
    const damaged = { ...bytesSource(main), read: () => fail("image/damaged", "cannot read it") };
    for (const initrd of [bomb, damaged]) expect(driversIn(tree, [initrd]).place("nvme")).toBe("unknown");
  });
});
