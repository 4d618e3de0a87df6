import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fat, fatWriter } from "../../../src/build/filesystems/fat.ts";
import type { FatBits } from "../../../src/build/filesystems/fat-format.ts";
import type { FileSystemPlan, FileSystemRequest } from "../../../src/build/filesystems/filesystem-writer.ts";
import { readAll, zeroSource } from "../../../src/core/byte-source.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { checkFat, fatTextOf, textOfFat } from "./fat-oracle.ts";
import { digestOf, fileSystemWriterContract, neededIn } from "./filesystem-writer-contract.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, symlink, writeImage } from "./images.ts";
import { problemsOf, request, treeOf } from "./requests.ts";

fileSystemWriterContract(fat, 512);

const scratch = scratchDirectory();
const image = join(scratch, "fat.img");
const context = { signal: new AbortController().signal, jobs: 1 };
const MiB = 2 ** 20;

function plan(tree: Tree, more: Partial<FileSystemRequest> = {}, bits?: FatBits): FileSystemPlan {
  return fatWriter(bits === undefined ? {} : { bits }).plan(
    request(tree, { label: "FAT", ...more }),
    context,
  ) as FileSystemPlan;
}

const esp = () =>
  treeOf({
    "/EFI/BOOT/BOOTX64.EFI": file(pattern(70_001)),
    "/EFI/debian/grub.cfg": file("search --fs-uuid\n"),
    "/loader/entries/0123456789abcdef-6.12.0.conf": file("title x\n"),
    "/empty": file(""),
  });

describe("the size decides the type", () => {
  test.each([
    [1.44 * 1_024_000, "FAT12"],
    [2 * MiB, "FAT12"],
    [3 * MiB, "FAT16"],
    [32 * MiB, "FAT16"],
    [33 * MiB, "FAT32"],
    [34 * MiB, "FAT32"],
    [260 * MiB, "FAT32"],
    [261 * MiB, "FAT32"],
    [9 * 1024 * MiB, "FAT32"],
  ])("%d bytes are %s", async (exactBytes, type) => {
    const { source, notes } = plan(esp(), { size: { exactBytes } });
    expect(notes[0]).toBe(type);
    await writeImage(source, image);
    await checkFat(image);
    expect(await textOfFat(image, scratch)).toEqual(fatTextOf(esp()));
    const { output } = await runOracle("minfo", ["-i", image, "::"]);
    expect(output).toContain(`disk type="${type}   "`);
  });

  test("an EFI system partition of 34 MiB has the clusters that EDK2 wants", () => {
    const { source, notes, features } = plan(esp(), { size: { exactBytes: 34 * MiB } });
    expect(notes).toEqual(["FAT32", "512-byte clusters", "68528 clusters"]);
    expect(features?.map(({ name }) => name)).toEqual(["fat32", "lfn"]);
    const stored = source.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    expect(stored).toBeLessThan(80_000);
  });

  test("no size around the limits has a number of clusters that readers take differently", () => {
    for (const [from, to] of [
      [4050, 4250],
      [65_900, 66_800],
    ] as const)
      for (let sectors = from; sectors <= to; sectors++) {
        const { notes } = plan(esp(), { size: { exactBytes: sectors * 512 } });
        const clusters = Number.parseInt(notes[2] as string, 10);
        expect(Math.min(Math.abs(clusters - 4085), Math.abs(clusters - 65_525)), `${sectors}`).toBeGreaterThanOrEqual(
          16,
        );
      }
  });

  test.each([
    [12, 200_000],
    [12, 40 * MiB],
    [16, 40 * MiB],
    [16, 1000 * MiB],
    [32, 100 * MiB],
  ] as const)("FAT%d of %d bytes if asked for", async (bits, exactBytes) => {
    const { source, notes } = plan(esp(), { size: { exactBytes } }, bits);
    expect(notes[0]).toBe(`FAT${bits}`);
    expect(source.sizeBytes).toBe(exactBytes);
    await writeImage(source, image);
    await checkFat(image);
    expect(await textOfFat(image, scratch)).toEqual(fatTextOf(esp()));
  });

  test.each([12, 16, 32] as const)("the smallest FAT%d", async (bits) => {
    const { source, notes } = plan(esp(), {}, bits);
    expect(notes[0]).toBe(`FAT${bits}`);
    await writeImage(source, image);
    await checkFat(image);
    const [problem] = problemsOf(() => plan(esp(), { size: { exactBytes: source.sizeBytes - 512 } }, bits));
    expect(problem?.code).toBe("image/disk-too-small");
    expect(neededIn(problem?.message)).toBeLessThanOrEqual(source.sizeBytes);
  });

  test("a type that cannot be so large", () => {
    const [problem] = problemsOf(() => plan(esp(), { size: { exactBytes: 200 * MiB } }, 12));
    expect(problem).toMatchObject({ code: "image/unsupported" });
    expect(problem?.message).toContain("209715200 bytes: that has too many clusters");
  });

  test("a size that is no number of sectors leaves its end unused", async () => {
    const { source } = plan(esp(), { size: { exactBytes: 3 * MiB + 511 } });
    expect(source.sizeBytes).toBe(3 * MiB + 511);
    await writeImage(source, image);
    await checkFat(image);
  });
});

describe("what the boot sector says", () => {
  test("label, serial, place on the disk", async () => {
    const { source } = plan(esp(), { size: { exactBytes: 34 * MiB }, label: "ESP", startBytes: MiB });
    await writeImage(source, image);
    const minfo = (await runOracle("minfo", ["-i", image, "::"])).output;
    expect(minfo).toContain("hidden sectors: 2048");
    expect(minfo).toContain('disk label="ESP        "');
    expect(minfo).toContain("serial number: 6F1D7C52");
    const { output } = await runOracle("blkid", ["-p", "-o", "export", image]);
    expect(output).toContain("LABEL=ESP\n");
    expect(output).toContain("LABEL_FATBOOT=ESP\n");
    expect(output).toContain("UUID=6F1D-7C52\n");
    expect(output).toContain("VERSION=FAT32\n");
    expect(output).toContain("TYPE=vfat\n");
  });

  test("no label, no entry for it", async () => {
    await writeImage(plan(esp(), { label: "" }).source, image);
    await checkFat(image);
    const { output } = await runOracle("blkid", ["-p", "-o", "export", image]);
    expect(output).not.toContain("LABEL");
  });

  test("the backup is as the original", () => {
    const bytes = readAll(plan(esp(), {}, 32).source);
    expect(Buffer.compare(bytes.subarray(0, 3 * 512), bytes.subarray(6 * 512, 9 * 512))).toBe(0);
    for (const sector of [0, 1, 2])
      expect([...bytes.subarray(sector * 512 + 510, sector * 512 + 512)]).toEqual([0x55, 0xaa]);
  });

  test.each(["twelve chars", "a+b", "étiquette", " x", "a.b"])("label %s is refused", (label) => {
    expect(problemsOf(() => plan(esp(), { label }))[0]?.message).toBe(`cannot label a FAT file system "${label}"`);
  });
});

describe("boundary cases", () => {
  const names = (count: number, name: (index: number) => string): Record<string, Node> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), file(String(index))]));
  test.each([
    ["nothing", {}],
    [
      "files of a cluster, one byte less and one more",
      Object.fromEntries([511, 512, 513, 1024].map((size) => [`/${size}`, file(pattern(size))])),
    ],
    [
      "names of 12, 13, 14, 26, 27 and 255 characters",
      names(6, (index) => `/${"n".repeat([12, 13, 14, 26, 27, 255][index] as number)}`),
    ],
    ["names that need many numbers", names(120, (index) => `/many/a long name number ${index}.configuration`)],
    [
      "short names in every case, and names that would make them",
      names(
        8,
        (index) =>
          `/${["README.TXT", "readme.md", "Mixed.Txt", "LONGNA~1.TXT", "longname one.txt", "longname two.txt", "a.b.c", ".hidden"][index]}`,
      ),
    ],
    [
      "characters that only long names may have",
      names(6, (index) => `/${["a+b", "a,b", "a;b", "a=b", "[a]", "a b"][index]}`),
    ],
    ["a root directory that is longer than usual", names(700, (index) => `/in the root ${index}`)],
    [
      "an empty directory, and one of exactly one cluster",
      { "/none": { ...attributes, type: "directory" } as Node, ...names(14, (index) => `/full/F${index}`) },
    ],
    [
      "deep directories",
      { [`/${Array.from({ length: 60 }, (_, level) => `level${level}`).join("/")}/file`]: file("deep") },
    ],
    ["a file with holes", { "/sparse": file(sparseSource(300_000, [0, 5000, 250_000])) }],
    [
      "times before 1980, and odd ones",
      { "/past": file("p", { mtime: 0 }), "/odd": file("o", { mtime: 1_700_000_001 }) },
    ],
  ] as [string, Record<string, Node>][])("%s", async (_, nodes) => {
    const tree = treeOf(nodes);
    for (const more of [{}, { size: { freeBytes: 40 * MiB } }]) {
      await writeImage(plan(tree, more).source, image);
      await checkFat(image);
      expect(await textOfFat(image, scratch)).toEqual(fatTextOf(tree));
    }
  });

  test("255 characters of three bytes each, and a time after 2107", async () => {
    const tree = treeOf({ [`/${"漢".repeat(255)}`]: file("x", { mtime: 2 ** 33 }) });
    await writeImage(plan(tree).source, image);
    await checkFat(image);
    const { output } = await runOracle("mdir", ["-i", image, "::"]);
    expect(output).toContain(`______~1             1 2107-12-31  23:59  ${"漢".repeat(255)}\n`);
  });

  test("2,000 names in one directory", async () => {
    const tree = treeOf(names(2000, (index) => `/directory/some-package-file-${index}.so`));
    await writeImage(plan(tree).source, image);
    await checkFat(image);
    expect(await textOfFat(image, scratch)).toEqual(fatTextOf(tree));
  });

  test("hard links become copies", async () => {
    const node = file("the same");
    const tree = treeOf({ "/a": node, "/b": node });
    await writeImage(plan(tree).source, image);
    await checkFat(image);
    expect(await textOfFat(image, scratch)).toEqual(fatTextOf(tree));
  });

  test("short names are the same whatever is beside them in other directories, and unique", async () => {
    const tree = treeOf(names(12, (index) => `/a long name ${index}`));
    await writeImage(plan(tree).source, image);
    const { output } = await runOracle("mdir", ["-i", image, "-b", "-a", "::"]);
    expect(output.trim().split("\n").length).toBe(12);
    const { output: long } = await runOracle("mdir", ["-i", image, "::"]);
    const shorts = long.split("\n").flatMap((line) => /^(ALONG\S+)/.exec(line)?.[1] ?? []);
    expect(shorts).toEqual(
      [
        "ALONGN~1",
        "ALONGN~2",
        "ALONGN~3",
        "ALONGN~4",
        "ALONGN~5",
        "ALONGN~6",
        "ALONGN~7",
        "ALONGN~8",
        "ALONGN~9",
      ].concat(["ALONG~10", "ALONG~11", "ALONG~12"]),
    );
  });
});

test("contents are where locate says", () => {
  const tree = esp();
  const { source, locate } = plan(tree);
  for (const path of ["/EFI/BOOT/BOOTX64.EFI", "/EFI/debian/grub.cfg"]) {
    const [extent, ...rest] = locate?.(path) ?? [];
    expect(rest).toEqual([]);
    const bytes = new Uint8Array(extent?.lengthBytes ?? 0);
    source.read(bytes, extent?.offsetBytes ?? 0);
    const node = tree.get(path);
    expect(node?.type === "file" && Buffer.compare(bytes, readAll(node.content))).toBe(0);
  }
  expect(locate?.("/empty")).toEqual([]);
  expect(locate?.("/EFI")).toBeUndefined();
  expect(locate?.("/nothing")).toBeUndefined();
});

test("the order in which a tree was made has no say", () => {
  const nodes = Object.entries({ "/b c": file("1"), "/b d": file("2"), "/a/x": file("3"), "/a/y": file("4") });
  const there = plan(treeOf(Object.fromEntries(nodes)));
  const back = plan(treeOf(Object.fromEntries(nodes.toReversed())));
  expect(digestOf(there.source)).toBe(digestOf(back.source));
});

describe("what FAT cannot hold is told, all of it", () => {
  const cases: [string, Node, string][] = [
    ["/link", symlink("x"), "it is a symlink, and FAT has only files and directories"],
    ["/pipe", { ...attributes, type: "fifo" }, "it is a fifo, and FAT has only files and directories"],
    ["/socket", { ...attributes, type: "socket" }, "it is a socket, and FAT has only files and directories"],
    [
      "/dev/null",
      { ...attributes, type: "character-device", major: 1, minor: 3 },
      "it is a character-device, and FAT has only files and directories",
    ],
    ["/big", file(zeroSource(2 ** 32)), "a file must be smaller than 4 GiB"],
    [`/${"n".repeat(256)}`, file("x"), "its name is 256 UTF-16 units long, and 255 are the limit"],
    ["/bad\udc80", file("x"), "its name is not valid UTF-8"],
    ["/a:b", file("x"), 'its name has the character ":", which is forbidden'],
    ["/tab\there", file("x"), 'its name has the character "\\t", which is forbidden'],
    ["/end.", file("x"), "its name begins with a space, or ends with a space or a dot, which FAT drops"],
    ["/x/ begin", file("x"), "its name begins with a space, or ends with a space or a dot, which FAT drops"],
  ];
  test.each(cases)("%j", (path, node, reason) => {
    expect(problemsOf(() => plan(treeOf({ [path]: node }))).map(({ message }) => message)).toEqual([
      `cannot put ${path} into a FAT file system: ${reason}`,
    ]);
  });

  test("names that differ only by case", () => {
    const tree = treeOf({
      "/Readme": file("1"),
      "/README": file("2"),
      "/É": file("3"),
      "/é": file("4"),
      "/ss": file("5"),
      "/ß": file("6"),
    });
    expect(problemsOf(() => plan(tree)).map(({ message }) => message)).toEqual([
      "cannot put /Readme into a FAT file system: its name differs from /README only by case",
      "cannot put /é into a FAT file system: its name differs from /É only by case",
    ]);
  });

  test("everything at once", () => {
    const tree = treeOf(Object.fromEntries(cases.map(([path, node]) => [path, node])));
    const problems = problemsOf(() => plan(tree));
    expect(problems.length).toBe(cases.length);
    expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(["image/unsupported"]));
  });

  test("the largest file", () => {
    const tree = treeOf({ "/big": file(zeroSource(2 ** 32 - 1)) });
    expect(plan(tree).locate?.("/big")).toEqual([{ offsetBytes: expect.any(Number), lengthBytes: 2 ** 32 - 1 }]);
  });

  test("a directory of too many names", () => {
    const tree = new Tree(attributes);
    const node = file("");
    for (let index = 0; index < 33_000; index++) tree.set(`/full/long name ${index}`, node);
    expect(problemsOf(() => plan(tree))[0]?.message).toBe(
      "cannot put /full into a FAT file system: its names take 98002 entries, and 65536 are the limit",
    );
  });
});
