import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FileSystemPlan, FileSystemRequest } from "../../../src/build/filesystems/filesystem-writer.ts";
import { planIso9660 } from "../../../src/build/filesystems/iso9660.ts";
import type { IsoBoot } from "../../../src/build/filesystems/iso9660-boot.ts";
import {
  bootEntryStruct,
  bootRecordStruct,
  sectionHeaderStruct,
  validationEntryStruct,
} from "../../../src/build/filesystems/iso9660-boot-format.ts";
import {
  decodeLongDate,
  decodeShortDate,
  longDate,
  recordStruct,
  shortDate,
  volumeDescriptorStruct,
} from "../../../src/build/filesystems/iso9660-format.ts";
import { iso9660Reader } from "../../../src/build/filesystems/iso9660-reader.ts";
import { iso9660, iso9660Writer, isoUuid } from "../../../src/build/filesystems/iso9660-writer.ts";
import { bytesSource, readAll, zeroSource } from "../../../src/core/byte-source.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { digestOf, neededIn } from "./filesystem-writer-contract.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, symlink, writeImage } from "./images.ts";
import { rockPartOf } from "./iso9660-part.ts";
import { treesArbitrary } from "./random-trees.ts";
import { problemsOf, request, treeOf } from "./requests.ts";
import { expectRoundTrip } from "./struct-arbitrary.ts";
import { textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "image.iso");
const context = { signal: new AbortController().signal, jobs: 1 };

function plan(tree: Tree, more: Partial<FileSystemRequest> = {}, boot?: IsoBoot): FileSystemPlan {
  const writer = boot === undefined ? iso9660 : iso9660Writer({ boot });
  return writer.plan(request(tree, { label: "DISC", ...more }), context) as FileSystemPlan;
}

async function xorriso(...commands: string[]): Promise<string> {
  const { status, output } = await runOracle("xorriso", ["-indev", image, ...commands]);
  expect(status, output).toBe(0);
  return output;
}

test.each([
  volumeDescriptorStruct,
  recordStruct,
  bootRecordStruct,
  validationEntryStruct,
  bootEntryStruct,
  sectionHeaderStruct,
])("$name comes back as it was written", (structure) => expectRoundTrip(structure));

test("dates come back", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 32 }), (seconds) => {
      expect(decodeShortDate(shortDate(seconds))).toBe(seconds);
      expect(decodeLongDate(longDate(seconds, 99))).toBe(seconds);
    }),
  );
  // Half past noon in Kathmandu, three quarters of an hour off.
  expect(decodeShortDate(Uint8Array.of(123, 11, 14, 12, 30, 0, 23))).toBe(Date.UTC(2023, 10, 14, 6, 45) / 1000);
});

test("any tree comes back from xorriso and from our reader, as deep as it is", async () => {
  const trees = treesArbitrary({ xattrs: false, maxTime: 2 ** 32 - 1, oddNames: true }).map(rockPartOf);
  await fc.assert(
    fc.asyncProperty(trees, fc.nat(12), async (tree, levels) => {
      const below = new Tree(attributes);
      const prefix = "/deep".repeat(levels);
      for (const [path, node] of tree.entries()) if (path !== "/") below.set(`${prefix}${path}`, node);
      const { source } = plan(below);
      const read = iso9660Reader.read(source);
      expect(read.problems).toEqual([]);
      expect(textOfTree(read.tree)).toEqual(textOfTree(below));
      await writeImage(source, image);
      const lines = (await xorriso("-find", "/", "-exec", "lsdl"))
        .split("\n")
        .filter((line) => /^[-dlcbps][-rwxsStT]{9}/.test(line));
      expect(lines.length).toBe([...below.entries()].filter(([path]) => !path.includes("\n")).length);
    }),
    { numRuns: 20 },
  );
}, 60_000);

test("xorriso sees owners, modes, links and devices", async () => {
  const shared = file("shared");
  const tree = treeOf({
    "/su": file("x", { mode: 0o4755, uid: 1000, gid: 70_000 }),
    "/tmp": { ...attributes, mode: 0o1777, type: "directory" } as Node,
    "/null": { ...attributes, mode: 0o666, type: "character-device", major: 1, minor: 3 } as Node,
    "/link": symlink("../etc/hostname"),
    "/one": shared,
    "/two": shared,
    [`/${Array.from({ length: 20 }, (_, level) => `level${level}`).join("/")}/file`]: file("deep"),
  });
  await writeImage(plan(tree).source, image);
  const listing = await xorriso("-find", "/", "-exec", "lsdl");
  expect(listing).toMatch(/^-rwsr-xr-x +1 1000 +70000 +1 .* '\/su'$/m);
  expect(listing).toMatch(/^drwxrwxrwt .* '\/tmp'$/m);
  expect(listing).toMatch(/^crw-rw-rw- +1 0 +0 +1,3 .* '\/null'$/m);
  expect(listing).toMatch(/^lrwx.* '\/link' -> '\.\.\/etc\/hostname'$/m);
  expect(listing).toMatch(/\/level19\/file'$/m);
  const { tree: read } = iso9660Reader.read(plan(tree).source);
  expect(read.get("/one")).toBe(read.get("/two"));
});

describe("El Torito", () => {
  const tree = () =>
    treeOf({
      "/boot/eltorito.img": file(pattern(30_001)),
      "/boot/efi.img": file(pattern(1_474_560, 3)),
      "/file": file("x"),
    });
  const bios = { path: "/boot/eltorito.img" };
  const efi = { path: "/boot/efi.img" };
  const report = async (boot: IsoBoot) => {
    const { source } = plan(tree(), {}, boot);
    await writeImage(source, image);
    const lines = (await xorriso("-report_el_torito", "plain")).split("\n");
    return {
      source,
      lines: lines.filter((line) => line.startsWith("El Torito")).map((line) => line.replace(/ +/g, " ")),
    };
  };

  test("a BIOS image and an EFI system partition", async () => {
    const { source, lines } = await report({ bios, efi });
    const lbaOf = (path: string) => (plan(tree(), {}, { bios, efi }).locate?.(path)?.[0]?.offsetBytes as number) / 2048;
    expect(lines).toEqual([
      expect.stringMatching(/^El Torito catalog : \d+ 1 ?$/),
      "El Torito images : N Pltf B Emul Ld_seg Hdpt Ldsiz LBA",
      `El Torito boot img : 1 BIOS y none 0x0000 0x00 4 ${lbaOf(bios.path)}`,
      `El Torito boot img : 2 UEFI y none 0x0000 0x00 2880 ${lbaOf(efi.path)}`,
      expect.stringContaining(`El Torito img path : 1 ${bios.path}`),
      "El Torito img opts : 1 boot-info-table",
      expect.stringContaining(`El Torito img path : 2 ${efi.path}`),
    ]);
    const { output } = await runOracle("isoinfo", ["-d", "-i", image]);
    expect(output).toContain("El Torito VD version 1 found");
    const read = iso9660Reader.read(source);
    expect(read.features).toEqual(["el-torito", "joliet", "rock-ridge"]);
    expect(read.problems).toEqual([]);
    expect(read.details.filter(([name]) => name === "boots").map(([, value]) => value)).toEqual([
      "BIOS: /boot/eltorito.img (30.0 KB), no emulation, loads 2.0 KB",
      "UEFI: /boot/efi.img (1.5 MB), no emulation, loads 1.5 MB",
    ]);
  });

  test.each([
    [{ bootInfoTable: true, grub2BootInfo: false }, ["-boot-info-table"]],
    [{ bootInfoTable: true, grub2BootInfo: true }, ["-boot-info-table", "--grub2-boot-info"]],
    [{ bootInfoTable: false, grub2BootInfo: true }, ["--grub2-boot-info"]],
    [{ bootInfoTable: false, grub2BootInfo: false }, []],
  ])("the image is told where it lies as by xorriso: %j", async (told, theirOptions) => {
    const { source, locate } = plan(tree(), {}, { bios: { ...bios, ...told } });
    const place = locate?.(bios.path)?.[0]?.offsetBytes as number;
    const ours = Buffer.alloc(30_001);
    source.read(ours, place);

    const from = join(scratch, "from");
    mkdirSync(join(from, "boot"), { recursive: true });
    writeFileSync(join(from, bios.path), pattern(30_001));
    const boot = ["-b", bios.path.slice(1), "-no-emul-boot", "-boot-load-size", "4", ...theirOptions];
    const { status, output } = await runOracle("xorriso", ["-as", "mkisofs", "-o", image, ...boot, from]);
    expect(status, output).toBe(0);
    const disc = readFileSync(image);
    const read = iso9660Reader.read(bytesSource(disc)).tree.get(bios.path);
    const theirs = Buffer.from(read?.type === "file" ? readAll(read.content) : []);
    const lba = disc.indexOf(theirs.subarray(100, 2000)) >> 11;

    // Only the place itself may differ, and the sum as far as the place is in it.
    if (told.grub2BootInfo) {
      expect(theirs.readBigUInt64LE(2548)).toBe(BigInt(lba * 4 + 5));
      expect(ours.readBigUInt64LE(2548)).toBe(BigInt((place / 2048) * 4 + 5));
      if (told.bootInfoTable) {
        const sum = theirs.readUInt32LE(20) + (place / 2048 - lba) * 4;
        expect(ours.readUInt32LE(20)).toBe(sum % 2 ** 32);
        theirs.writeUInt32LE(ours.readUInt32LE(20), 20);
      }
      theirs.writeBigUInt64LE(ours.readBigUInt64LE(2548), 2548);
    }
    if (told.bootInfoTable) {
      expect(theirs.readUInt32LE(12)).toBe(lba);
      expect(ours.readUInt32LE(12)).toBe(place / 2048);
      theirs.writeUInt32LE(place / 2048, 12);
    }
    expect(ours.equals(theirs)).toBe(true);
  });

  test("UEFI alone", async () => {
    const { lines } = await report({ efi });
    expect(lines[2]).toContain("El Torito boot img : 1 UEFI y none 0x0000 0x00 2880");
  });

  test("an EFI system partition of 34 MiB reaches to the end of the disc", () => {
    const large = treeOf({ "/efi.img": file(zeroSource(34 * 2 ** 20)) });
    const { source } = plan(large, {}, { efi: { path: "/efi.img" } });
    const boots = iso9660Reader.read(source).details.find(([name]) => name === "boots");
    expect(boots?.[1]).toBe("UEFI: /efi.img (35.7 MB), no emulation, loads 0 B");
  });

  test("what cannot be booted", () => {
    const small = treeOf({ "/small": file("x"), "/empty": file(""), "/link": symlink("small") });
    const messages = (boot: IsoBoot) => problemsOf(() => plan(small, {}, boot)).map(({ message }) => message);
    expect(messages({ bios: { path: "/small" }, efi: { path: "/empty" } })).toEqual([
      "cannot boot from /small: it is 1 bytes long, and 64 are the least",
      "cannot boot from /empty: it is 0 bytes long, and 1 are the least",
    ]);
    expect(messages({ bios: { path: "/nothing" }, efi: { path: "/link" } })).toEqual([
      "cannot boot from /nothing: there is no such file on the disc",
      "cannot boot from /link: there is no such file on the disc",
    ]);
  });
});

test("files of 4 GiB and more", async () => {
  const GiB = 2 ** 30;
  const tree = treeOf({
    "/just-below": file(sparseSource(4 * GiB - 2048, [0, 4 * GiB - 2200])),
    "/one-more": file(sparseSource(4 * GiB - 2047, [0, 4 * GiB - 2148])),
    "/nine": file(sparseSource(9 * GiB + 5, [0, 4 * GiB - 2100, 8 * GiB, 9 * GiB - 100])),
    "/after": file("after"),
  });
  const { source, locate } = plan(tree);
  expect(locate?.("/nine")?.[0]?.lengthBytes).toBe(9 * GiB + 5);
  await writeImage(source, image);
  const listing = await xorriso("-find", "/", "-exec", "lsdl");
  for (const [name, size] of [
    ["just-below", 4 * GiB - 2048],
    ["one-more", 4 * GiB - 2047],
    ["nine", 9 * GiB + 5],
  ])
    expect(listing).toMatch(new RegExp(` ${size} .*'/${name}'$`, "m"));
  const read = iso9660Reader.read(source);
  expect(read.problems).toEqual([]);
  for (const name of ["/just-below", "/one-more", "/nine"]) {
    const [ours, original] = [read.tree.get(name), tree.get(name)];
    if (ours?.type !== "file" || original?.type !== "file") throw new Error(name);
    expect(ours.content.sizeBytes).toBe(original.content.sizeBytes);
    expect(ours.content.extents).toEqual(original.content.extents);
    for (const at of [0, 4 * GiB - 3000]) {
      const [a, b] = [new Uint8Array(900), new Uint8Array(900)];
      ours.content.read(a, at);
      original.content.read(b, at);
      expect(Buffer.compare(a, b)).toBe(0);
    }
  }
});

describe("sizes and ids", () => {
  const tree = () => treeOf({ "/a": file(pattern(5000)) });

  test("an exact size, and one that is too small", () => {
    const smallest = plan(tree()).source.sizeBytes;
    expect(plan(tree(), { size: { exactBytes: smallest + 5 } }).source.sizeBytes).toBe(smallest + 5);
    const [problem] = problemsOf(() => plan(tree(), { size: { exactBytes: smallest - 1 } }));
    expect(problem?.code).toBe("image/disk-too-small");
    expect(neededIn(problem?.message)).toBe(smallest);
  });

  test("the id is what blkid prints, and another UUID gives another", async () => {
    const { source } = plan(tree());
    await writeImage(source, image);
    const { output } = await runOracle("blkid", ["-p", "-o", "export", image]);
    expect(output).toContain(`UUID=${isoUuid(request(tree()))}\n`);
    expect(iso9660Reader.read(source).uuid).toBe(isoUuid(request(tree())));
    const uuid = "00000000-0000-8000-8000-000000000001";
    expect(isoUuid(request(tree(), { uuid }))).not.toBe(isoUuid(request(tree())));
  });

  test("planning reads no content, and gives the same bytes", () => {
    const content = { ...file("12345678".repeat(10)).content, read: () => expect.unreachable() };
    expect(() => plan(treeOf({ "/b": file(content) }), {}, { bios: { path: "/b" } })).not.toThrow();
    expect(digestOf(plan(tree()).source)).toBe(digestOf(plan(tree()).source));
  });
});

test("10,000 files with names that come out equal", () => {
  const tree = new Tree(attributes);
  for (let index = 0; index < 10_000; index++)
    tree.set(`/usr/${"the same beginning of all ".repeat(3)}${index}`, file(""));
  // Trying every number for every name would take minutes.
  expect([...iso9660Reader.read(plan(tree).source).tree.entries()].length).toBe(10_002);
});

test("what a disc cannot hold is told, all of it", () => {
  const tree = treeOf({
    "/x": file("x", { xattrs: new Map([["user.a", new Uint8Array(1)]]) }),
    [`/${"n".repeat(256)}`]: file("x"),
    "/dev": { ...attributes, type: "block-device", major: 0, minor: 256 } as Node,
    "/owner": file("x", { uid: 2 ** 32 }),
  });
  expect(problemsOf(() => plan(tree, { label: "étiquette" })).map(({ message }) => message)).toEqual([
    'cannot label an ISO 9660 disc "étiquette"',
    "cannot put /dev on an ISO 9660 disc: its device number 0:256 cannot be written",
    `cannot put /${"n".repeat(256)} on an ISO 9660 disc: its name is 256 bytes long, and 255 are the limit`,
    "cannot put /owner on an ISO 9660 disc: its user id 4294967296 is not between 0 and 4294967294",
    "cannot put /x on an ISO 9660 disc: it has no extended attributes",
  ]);
});

test("without boot images it is the disc that a config drive is, but for the id and empty sectors behind it", () => {
  const tree = treeOf({ "/openstack/latest/meta_data.json": file("{}"), "/openstack/latest/user_data": file("x") });
  const whole = Buffer.from(readAll(plan(tree, { uuid: "00000000-0000-8000-8000-000000000000" }).source));
  const drive = Buffer.from(readAll(planIso9660({ tree, label: "DISC", epochSeconds: request(tree).epochSeconds })));
  // GRUB reads 32 KiB at a time, where there are none too.
  expect(whole.length - drive.length).toBe(150 * 2048);
  expect(whole.subarray(drive.length).every((byte) => byte === 0)).toBe(true);
  for (const sector of [16, 17]) drive.copy(whole, sector * 2048 + 80, sector * 2048 + 80, sector * 2048 + 88);
  expect(whole.subarray(0, drive.length).equals(drive)).toBe(true);
});
