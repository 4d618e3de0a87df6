import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DiskFormat } from "../../../src/build/disk-formats/disk-format.ts";
import { vhd, vhdFixed } from "../../../src/build/disk-formats/vhd.ts";
import { checksumOf, dynamicHeaderStruct, footerStruct } from "../../../src/build/disk-formats/vhd-format.ts";
import { geometryOf, largestGeometry, sectorsOf } from "../../../src/build/disk-formats/vhd-geometry.ts";
import { type ByteSource, bytesSource, composeSource, zeroSource } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { describeDiskFormat } from "./disk-format-contract.ts";
import { disks, noise, prose } from "./disks.ts";
import { writeImage } from "./sinks.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-vhd-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const plain = [{ name: "plain", compress: false, clusterSizeBytes: 65536 }];
describe("dynamic", () => describeDiskFormat(vhd, { qemuName: "vpc", variants: plain, inspect: inspectFooter }));
describe("fixed", () => describeDiskFormat(vhdFixed, { qemuName: "vpc", variants: plain, inspect: inspectFooter }));

async function inspectFooter(path: string): Promise<void> {
  const footer = footerOf(path);
  const { checksum, currentSize, originalSize } = footerStruct.decode(footer);
  expect(checksum).toBe(checksumOf(footer, 64));
  expect(originalSize).toBe(currentSize);
}

const write = (format: DiskFormat, source: ByteSource, name = "image.vhd") =>
  writeImage(format, source, join(directory, name));

function footerOf(path: string): Uint8Array {
  const footer = new Uint8Array(512);
  const fd = openSync(path, "r");
  readSync(fd, footer, 0, 512, statSync(path).size - 512);
  closeSync(fd);
  return footer;
}

describe("sizes", () => {
  const sizes = [
    512,
    MiB,
    3 * MiB + 512,
    2 * GiB,
    5 * GiB,
    20 * GiB,
    63 * GiB,
    64 * GiB,
    100 * GiB,
    200 * GiB,
    2040 * GiB,
  ];

  test.each(sizes)("a disk of %d bytes is that size for every reader", async (sizeBytes) => {
    const path = await write(vhd, zeroSource(sizeBytes));
    const sizeWith = async (how: { force_size_calc?: string }) => {
      const image = JSON.stringify({
        driver: "vpc",
        ...how,
        file: { driver: "file", filename: path },
      });
      const { output } = await runOracle("qemu-img", ["info", "--output=json", `json:${image}`]);
      return JSON.parse(output)["virtual-size"];
    };
    expect(await sizeWith({})).toBe(sizeBytes);
    expect(await sizeWith({ force_size_calc: "current_size" })).toBe(sizeBytes);
    const { cylinders, heads, sectorsPerTrack } = footerStruct.decode(footerOf(path));
    const isTold = sectorsOf({ cylinders, heads, sectorsPerTrack }) === sectorsOf(largestGeometry);
    if (!isTold) expect(await sizeWith({ force_size_calc: "chs" })).toBe(sizeBytes);
  });

  test("all whole MiB below 64 GiB have a shape of exactly that size", () => {
    for (let mebibytes = 1; mebibytes < 65536; mebibytes += 1 + (mebibytes >> 8))
      expect(sectorsOf(geometryOf(mebibytes * 2048))).toBe(mebibytes * 2048);
    expect(geometryOf(64 * 1024 * 2048)).toEqual(largestGeometry);
  });

  test.each([
    [0, "1MiB"],
    [MiB + 1, "2MiB"],
    [2040 * GiB + 512, "2040GiB"],
  ])("a disk of %d bytes is refused with a size that would do", async (sizeBytes, size) => {
    for (const format of [vhd, vhdFixed])
      await expect(write(format, zeroSource(sizeBytes))).rejects.toMatchObject({
        problems: [{ code: "image/unsupported", hint: expect.stringContaining(size) }],
      });
  });
});

describe("what is in the file", () => {
  test("blocks of zeros are not stored", async () => {
    const source = composeSource(20 * MiB, [
      { offsetBytes: 5 * MiB, source: bytesSource(noise(100)) },
      { offsetBytes: 8 * MiB, source: bytesSource(new Uint8Array(6 * MiB)) },
    ]);
    // Footer copy, header, table, one block with its bitmap, footer.
    expect(statSync(await write(vhd, source)).size).toBe(512 + 1024 + 512 + 512 + 2 * MiB + 512);
  });

  test("the footer stands at both ends of a dynamic disk, and its header has a checksum", async () => {
    const file = readFileSync(await write(vhd, bytesSource(prose(MiB))));
    expect(file.subarray(0, 512)).toEqual(file.subarray(-512));
    expect(dynamicHeaderStruct.decode(file, 512).checksum).toBe(checksumOf(file.subarray(512, 1536), 36));
  });

  test("equal disks make equal files; others have other ids", async () => {
    const [a, b, c] = [
      await write(vhd, disks["text only"]?.() as ByteSource, "a.vhd"),
      await write(vhd, disks["text only"]?.() as ByteSource, "b.vhd"),
      await write(vhd, disks["noise only"]?.() as ByteSource, "c.vhd"),
    ] as const;
    expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
    const id = (path: string) => Buffer.from(footerStruct.decode(footerOf(path)).uniqueId).toString("hex");
    expect(id(a)).not.toBe(id(c));
  });
});
