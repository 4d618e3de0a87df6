import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { bytesSource, composeSource } from "../../src/core/byte-source.ts";
import { fail } from "../../src/core/errors.ts";
import { type Node, Tree } from "../../src/core/tree.ts";
import { dataOfBoth, differentRanges, firstDifference } from "../../src/examine/compare-bytes.ts";
import { compareImages, type ImageDifference } from "../../src/examine/compare-images.ts";
import { compareTrees, type TreeOptions } from "../../src/examine/compare-trees.ts";
import { examineImage } from "../../src/examine/open.ts";
import { attributes, file, pattern, sparseSource, symlink } from "../build/filesystems/images.ts";
import { treesArbitrary } from "../build/filesystems/random-trees.ts";
import { treeOf } from "../build/filesystems/requests.ts";
import { ext4Of, fatOf, gptDisk, scratchDirectory, systemFiles, tool, writeFiles } from "./images.ts";

const scratch = scratchDirectory();
const at = (name: string) => join(scratch, name);
const { signal } = new AbortController();

async function compare(a: string, b: string, options: Partial<TreeOptions> = {}): Promise<ImageDifference> {
  const [imageA, imageB] = [examineImage(at(a)), examineImage(at(b))];
  try {
    return await compareImages(imageA, imageB, { signal, ...options });
  } finally {
    imageA.close();
    imageB.close();
  }
}

/** Writes bytes at a place of a copy of an image. */
function patched(name: string, to: string, offsetBytes: number, bytes: string | Uint8Array): string {
  copyFileSync(at(name), at(to));
  const fd = openSync(at(to), "r+");
  writeSync(fd, Buffer.from(bytes), 0, bytes.length, offsetBytes);
  closeSync(fd);
  return to;
}

describe("bytes", () => {
  const source = fc
    .array(fc.tuple(fc.nat(3), fc.uint8Array({ minLength: 1, maxLength: 3 })), { maxLength: 6 })
    .map((parts) => {
      let offsetBytes = 0;
      const pieces = parts.map(([gap, bytes]) => {
        const piece = { offsetBytes: offsetBytes + gap, source: bytesSource(bytes) };
        offsetBytes += gap + bytes.length;
        return piece;
      });
      return composeSource(offsetBytes + 1, pieces);
    });
  const all = (each: { sizeBytes: number; read(target: Uint8Array, offset: number): void }) => {
    const bytes = new Uint8Array(each.sizeBytes);
    each.read(bytes, 0);
    return bytes;
  };

  test("the first difference is the first, whatever lies in holes", async () => {
    await fc.assert(
      fc.asyncProperty(source, source, async (a, b) => {
        const [bytesA, bytesB] = [all(a), all(b)];
        const common = Math.min(bytesA.length, bytesB.length);
        const first = bytesA.subarray(0, common).findIndex((byte, index) => byte !== bytesB[index]);
        const expected = first >= 0 ? first : bytesA.length === bytesB.length ? undefined : common;
        expect(await firstDifference(a, b, signal)).toBe(expected);
        expect(await firstDifference(a, a, signal)).toBeUndefined();
      }),
    );
  });

  test("what holds data in one of two", () => {
    const extents = (...pairs: [number, number][]) =>
      pairs.map(([offsetBytes, lengthBytes]) => ({ offsetBytes, lengthBytes }));
    const joined = [...dataOfBoth(extents([0, 5], [20, 5]), extents([3, 4], [30, 100]), 50)];
    expect(joined).toEqual(extents([0, 7], [20, 5], [30, 20]));
  });

  test("ranges are whole sectors, joined, and not more than asked for", async () => {
    const bytes = pattern(10_000);
    const other = bytes.slice();
    for (const index of [0, 600, 5000, 9999]) other[index] = (other[index] as number) ^ 1;
    const ranges = async (limit: number) =>
      await differentRanges(bytesSource(bytes), bytesSource(other), signal, limit);
    expect(await ranges(8)).toEqual({
      ranges: [
        { offsetBytes: 0, lengthBytes: 1024 },
        { offsetBytes: 4608, lengthBytes: 512 },
        { offsetBytes: 9728, lengthBytes: 272 },
      ],
      isCut: false,
    });
    expect(await ranges(2)).toMatchObject({ ranges: { length: 2 }, isCut: true });
  });

  test("holes of both are not read", async () => {
    let readBytes = 0;
    const sparse = sparseSource(2 ** 45, [2 ** 44]);
    const counted = {
      ...sparse,
      read(target: Uint8Array, offsetBytes: number) {
        readBytes += target.length;
        sparse.read(target, offsetBytes);
      },
    };
    expect(await firstDifference(counted, counted, signal)).toBeUndefined();
    expect(readBytes).toBe(200);
  });
});

describe("trees", () => {
  const base: Record<string, Node> = {
    "/a": file("a"),
    "/b": file("b"),
    "/link": symlink("a"),
    "/dir/x": file("x"),
    "/null": { ...attributes, type: "character-device", major: 1, minor: 3 },
    "/x": file("x", { xattrs: new Map([["user.a", Uint8Array.of(1)]]) }),
  };
  const against = async (changes: Record<string, Node | undefined>, options: Partial<TreeOptions> = {}) => {
    const nodes = Object.entries({ ...base, ...changes }).filter(
      (entry): entry is [string, Node] => entry[1] !== undefined,
    );
    return await compareTrees(treeOf(base), treeOf(Object.fromEntries(nodes)), { signal, ...options });
  };

  test.each<[string, Record<string, Node | undefined>, unknown[]]>([
    ["nothing", {}, []],
    [
      "added and removed",
      { "/a": undefined, "/new/y": file("y") },
      [
        ["/a", "removed"],
        ["/new", "added"],
        ["/new/y", "added"],
      ],
    ],
    ["mode", { "/a": file("a", { mode: 0o600 }) }, [["/a", "changed", { what: "mode", a: "0644", b: "0600" }]]],
    ["owner", { "/a": file("a", { uid: 1, gid: 2 }) }, [["/a", "changed", { what: "owner", a: "0:0", b: "1:2" }]]],
    ["time", { "/a": file("a", { mtime: 5 }) }, [["/a", "changed", { what: "mtime", a: 1_700_000_000, b: 5 }]]],
    [
      "type",
      { "/a": { ...attributes, mode: 0o644, type: "fifo" } },
      [["/a", "changed", { what: "type", a: "file", b: "fifo" }]],
    ],
    ["target", { "/link": symlink("b") }, [["/link", "changed", { what: "target", a: "a", b: "b" }]]],
    [
      "device",
      { "/null": { ...attributes, type: "character-device", major: 1, minor: 5 } },
      [["/null", "changed", { what: "device", a: "1, 3", b: "1, 5" }]],
    ],
    ["content", { "/a": file("b") }, [["/a", "changed", { what: "content" }]]],
    ["size", { "/a": file("aa") }, [["/a", "changed", { what: "size", a: 1, b: 2 }]]],
    [
      "attributes",
      { "/x": file("x", { xattrs: new Map([["user.b", Uint8Array.of(2)]]) }) },
      [["/x", "changed", { what: "xattr user.a", a: "01" }, { what: "xattr user.b", b: "02" }]],
    ],
  ])("%s", async (_name, changes, expected) => {
    const found = await against(changes);
    expect(found.map(({ path, state, changes: told }) => [path, state, ...told])).toEqual(expected);
  });

  test("which files are one", async () => {
    const one = file("same");
    const [a, b] = [treeOf({ "/a": one, "/b": one }), treeOf({ "/a": file("same"), "/b": file("same") })];
    const links = [{ what: "links", a: 2, b: 1 }];
    expect(await compareTrees(a, b, { signal })).toMatchObject([
      { path: "/a", changes: links },
      { path: "/b", changes: links },
    ]);
  });

  test("times can be ignored, and texts shown", async () => {
    expect(await against({ "/a": file("a", { mtime: 5 }) }, { ignoreTimes: true })).toEqual([]);
    const [found] = await against({ "/a": file("a\nb\n") }, { text: true });
    expect(found?.text).toEqual(["@@ -1 +1,2 @@", "-a", "\\ No newline at end of file", "+a", "+b"]);
  });

  test("contents that cannot be read are told, the rest is compared", async () => {
    const broken = { ...bytesSource(pattern(9)), read: () => fail("image/damaged", "cannot read it") };
    const found = await against({ "/a": file(broken), "/b": file("c") });
    expect(found).toMatchObject([
      { path: "/a", problem: "cannot read it" },
      { path: "/b", changes: [{ what: "content" }] },
    ]);
  });

  test("any tree equals itself, and differs from any other in what differs", async () => {
    const trees = treesArbitrary({ xattrs: true, maxTime: 2 ** 31, oddNames: true });
    await fc.assert(
      fc.asyncProperty(trees, trees, async (a, b) => {
        expect(await compareTrees(a, a, { signal })).toEqual([]);
        const found = await compareTrees(a, b, { signal });
        const [pathsA, pathsB] = [a, b].map((tree) => new Set([...tree.entries()].map(([path]) => path)));
        const only = (from: Set<string> | undefined, other: Set<string> | undefined) =>
          [...(from ?? [])].filter((path) => other?.has(path) !== true).sort();
        expect(
          found
            .filter(({ state }) => state === "removed")
            .map(({ path }) => path)
            .sort(),
        ).toEqual(only(pathsA, pathsB));
        expect(
          found
            .filter(({ state }) => state === "added")
            .map(({ path }) => path)
            .sort(),
        ).toEqual(only(pathsB, pathsA));
      }),
      { numRuns: 30 },
    );
    expect(await compareTrees(new Tree(), new Tree(), { signal })).toEqual([]);
  });
});

describe("images", () => {
  beforeAll(async () => {
    writeFiles(at("system"), systemFiles);
    writeFiles(at("esp"), { "EFI/BOOT/BOOTX64.EFI": "one" });
    const options = [
      "-U",
      "01234567-0123-0123-0123-0123456789ab",
      "-E",
      "hash_seed=01234567-0123-0123-0123-0123456789ab",
    ];
    await ext4Of(at("system"), at("root.ext4"), "8M", options);
    await fatOf(at("esp"), ["EFI"], at("esp.fat"));
    await gptDisk(at("a.raw"), { esp: at("esp.fat"), root: at("root.ext4") });
    const changed = writeFiles(at("changed"), systemFiles);
    rmSync(join(changed, "etc/a.conf"));
    rmSync(join(changed, "etc/hostname"));
    writeFiles(changed, { "etc/hostname": "other-host\n", "opt/new/file": "new" });
    await ext4Of(changed, at("changed.ext4"), "8M", [...options, "-O", "^metadata_csum"]);
    await gptDisk(at("b.raw"), { esp: at("esp.fat"), root: at("changed.ext4") });
  }, 120_000);

  test("an image equals itself, in any format", async () => {
    await tool("qemu-img", ["convert", "-c", "-f", "raw", "-O", "qcow2", at("a.raw"), at("a.qcow2")]);
    expect(await compare("a.raw", "a.raw")).toMatchObject({ isEqual: true, files: [], volumes: [] });
    expect(await compare("a.raw", "a.qcow2")).toMatchObject({
      isEqual: true,
      files: [{ what: "format", a: "raw", b: "qcow2" }, { what: "file size" }],
    });
  });

  test("files, features and details of a file system", async () => {
    const { isEqual, table, partitions, gaps, volumes } = await compare("a.raw", "b.raw", {
      text: true,
      ignoreTimes: true,
    });
    expect({ isEqual, partitions, gaps: gaps.ranges, table: table.length }).toEqual({
      ...{ isEqual: false, gaps: [], table: 0 },
      // sgdisk gives the others GUIDs by chance.
      partitions: [
        { number: 1, state: "changed", changes: [expect.objectContaining({ what: "id" })] },
        { number: 3, state: "changed", changes: [expect.objectContaining({ what: "id" })] },
      ],
    });
    expect(volumes).toHaveLength(1);
    const [volume] = volumes;
    expect(volume).toMatchObject({ partition: 2, kind: "ext4" });
    expect(volume?.changes).toContainEqual({ what: "feature", a: "metadata_csum" });
    const told = volume?.paths.map(({ path, state }) => `${state} ${path}`);
    expect(told).toEqual([
      ...["removed /etc/a.conf", "changed /etc/hostname", "added /opt", "added /opt/new", "added /opt/new/file"],
    ]);
    expect(volume?.paths[1]).toMatchObject({
      changes: [{ what: "content" }],
      firstDifferenceBytes: 0,
      text: ["@@ -1 +1 @@", "-probe-host", "+other-host"],
    });
  });

  test("partitions", async () => {
    copyFileSync(at("a.raw"), at("moved.raw"));
    await tool("sgdisk", ["-d", "3", "-c", "2:other", "-t", "1:8300", "-A", "2:set:2", at("moved.raw")]);
    const { partitions, volumes } = await compare("a.raw", "moved.raw");
    expect(volumes).toEqual([]);
    expect(partitions).toMatchObject([
      { number: 1, state: "changed", changes: [{ what: "type" }] },
      { number: 2, state: "changed" },
      { number: 3, state: "removed" },
    ]);
    expect(partitions[1]?.changes).toContainEqual({ what: "name", a: "root", b: "other" });
  });

  test("boot code, gaps, and bytes of the table that nobody looks at", async () => {
    patched("a.raw", "code.raw", 0, "\xeb\x63\x90");
    expect(await compare("a.raw", "code.raw")).toMatchObject({
      isEqual: false,
      disk: [{ what: "boot code" }],
      gaps: { ranges: [] },
    });
    patched("a.raw", "gap.raw", 100 * 512 + 7, "left here");
    expect(await compare("a.raw", "gap.raw")).toMatchObject({
      ...{ isEqual: false, disk: [], table: [] },
      gaps: { ranges: [{ offsetBytes: 100 * 512, lengthBytes: 512 }], isCut: false },
    });
    // An entry that is not in use.
    patched("a.raw", "table.raw", 1024 + 100 * 128 + 60, "x");
    const { isEqual, table } = await compare("a.raw", "table.raw");
    expect([isEqual, table.length]).toEqual([false, 1]);
  });

  test("the same contents, laid out otherwise", async () => {
    // A block that no file has.
    const free = 12288 * 512 + (8 << 20) - 4096;
    patched("a.raw", "layout.raw", free, "garbage");
    expect(await compare("a.raw", "layout.raw")).toMatchObject({
      isEqual: false,
      volumes: [{ partition: 2, changes: [], paths: [], layoutDiffersAtBytes: free - 12288 * 512 }],
    });
  });

  test("what cannot be read is compared as bytes", async () => {
    patched("a.raw", "damaged.raw", 12288 * 512 + 2048, Buffer.alloc(64 << 10, 0xff));
    const { isEqual, volumes } = await compare("a.raw", "damaged.raw");
    expect(isEqual).toBe(false);
    expect(volumes).toMatchObject([{ partition: 2, problems: [expect.stringContaining("in the second image")] }]);
    expect(volumes[0]?.bytes?.ranges.length).toBeGreaterThan(0);
  });

  test("disks of different sizes", async () => {
    copyFileSync(at("root.ext4"), at("longer.ext4"));
    truncateSync(at("longer.ext4"), 9 << 20);
    const { disk, volumes } = await compare("root.ext4", "longer.ext4");
    expect(disk).toEqual([{ what: "size", a: 8 << 20, b: 9 << 20 }]);
    expect(volumes).toMatchObject([{ changes: [], paths: [], layoutDiffersAtBytes: 8 << 20 }]);
  });

  test("disks that hold nothing known", async () => {
    writeFileSync(at("x.raw"), Buffer.alloc(1 << 20));
    patched("x.raw", "y.raw", 5000, "y");
    expect(await compare("x.raw", "x.raw")).toMatchObject({ isEqual: true });
    expect(await compare("x.raw", "y.raw")).toMatchObject({
      isEqual: false,
      volumes: [{ partition: undefined, bytes: { ranges: [{ offsetBytes: 4608, lengthBytes: 512 }] } }],
    });
    expect(readFileSync(at("x.raw"))).toHaveLength(1 << 20);
  });
});
