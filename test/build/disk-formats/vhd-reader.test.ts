import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openImage } from "../../../src/build/disk-formats/open-image.ts";
import { raw } from "../../../src/build/disk-formats/raw.ts";
import { vhd, vhdFixed } from "../../../src/build/disk-formats/vhd.ts";
import {
  dynamicHeaderStruct,
  footerStruct,
  parentLocatorStruct,
  withChecksum,
} from "../../../src/build/disk-formats/vhd-format.ts";
import { vhdReader } from "../../../src/build/disk-formats/vhd-reader.ts";
import { type ByteSource, bytesSource, composeSource, readAll } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { disks, noise, prose } from "./disks.ts";
import { diskDigest } from "./image-digest.ts";
import { survivesMutations } from "./image-mutations.ts";
import { randomDiskRuns, randomDisks } from "./random-disks.ts";
import { writeImage } from "./sinks.ts";
import { expectRoundTrip } from "./struct-values.ts";

const MiB = 1024 ** 2;
const mixed = disks["text, noise, zeros and holes in turns, not aligned"] as () => ByteSource;
let directory: string;
let rawPath: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-vhd-reader-"));
  rawPath = await writeImage(raw, mixed(), at("disk.raw"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);

async function qemuImg(...args: string[]): Promise<string> {
  const { status, output } = await runOracle("qemu-img", args);
  expect(status, output).toBe(0);
  return output;
}

async function convert(options: string): Promise<string> {
  const path = at("theirs.vhd");
  await qemuImg("convert", "-O", "vpc", "-o", options, rawPath, path);
  return path;
}

type Footer = Parameters<typeof footerStruct.encode>[0];

/** Changes the footers at both ends of a file, checksums too. */
function changeFooters(path: string, change: Footer): string {
  const file = readFileSync(path);
  const old = footerStruct.decode(file, file.length - 512);
  const footer = withChecksum(footerStruct.encode({ ...old, ...change }), 64);
  file.set(footer, file.length - 512);
  if (file.toString("latin1", 0, 8) === "conectix") file.set(footer, 0);
  writeFileSync(path, file);
  return path;
}

function changeHeader(path: string, change: Parameters<typeof dynamicHeaderStruct.encode>[0]): string {
  const file = readFileSync(path);
  const header = dynamicHeaderStruct.encode({ ...dynamicHeaderStruct.decode(file, 512), ...change });
  file.set(withChecksum(header, 36), 512);
  writeFileSync(path, file);
  return path;
}

describe("what qemu-img makes reads the same", () => {
  test.each(["subformat=dynamic", "subformat=fixed", "subformat=dynamic,force_size", "subformat=fixed,force_size"])(
    "%s",
    async (options) => {
      const path = await convert(options);
      const image = openImage(path);
      expect(image).toMatchObject({ format: "vhd", problems: [], otherFiles: [] });
      const information = JSON.parse(await qemuImg("info", "-f", "vpc", "--output=json", path));
      expect(image.disk.sizeBytes).toBe(information["virtual-size"]);
      // QEMU rounds the size up unless it is forced.
      const bytes = readAll(image.disk);
      expect(Buffer.from(bytes.subarray(0, 12 * MiB)).equals(readFileSync(rawPath))).toBe(true);
      expect(bytes.subarray(12 * MiB).every((byte) => byte === 0)).toBe(true);
      image.close();
    },
  );

  test("a disk whose shape says one size and its footer another: the maker decides, and it is told", async () => {
    for (const [creatorApplication, sizeBytes] of [
      ["vpc ", 12 * MiB - 512],
      ["qemu", 12 * MiB - 512],
      ["win ", 12 * MiB],
      ["vbox", 12 * MiB],
    ] as const) {
      const shape = { cylinders: 24575, heads: 1, sectorsPerTrack: 1, creatorApplication };
      const path = changeFooters(await writeImage(vhdFixed, mixed(), at("shape.vhd")), shape);
      const image = openImage(path);
      expect(image.disk.sizeBytes).toBe(sizeBytes);
      const information = JSON.parse(await qemuImg("info", "-f", "vpc", "--output=json", path));
      expect(information["virtual-size"]).toBe(sizeBytes);
      expect(image.problems.length).toBe(sizeBytes === 12 * MiB ? 0 : 1);
      image.close();
    }
  });
});

test("random disks read back as they were written", async () => {
  await fc.assert(
    fc.asyncProperty(randomDisks, fc.constantFrom(vhd, vhdFixed), async (source, format) => {
      const image = openImage(await writeImage(format, source, at("ours.vhd")));
      expect(image.problems).toEqual([]);
      expect(diskDigest(image.disk)).toBe(diskDigest(source));
      image.close();
    }),
    { numRuns: randomDiskRuns },
  );
});

test("sectors that a dynamic disk's bitmap leaves out are zero", async () => {
  const path = await writeImage(vhd, bytesSource(noise(4 * MiB)), at("bitmap.vhd"));
  const file = readFileSync(path);
  // Of the first block, behind footer, header and table: its sectors 1 and 3 to 15.
  file.set([0b1010_0000, 0], 2048);
  writeFileSync(path, file);
  const image = openImage(path);
  const expected = Buffer.from(noise(4 * MiB));
  expected.fill(0, 512, 1024);
  expected.fill(0, 1536, 8192);
  expect(Buffer.from(readAll(image.disk)).equals(expected)).toBe(true);
  const few = new Uint8Array(700);
  image.disk.read(few, 800);
  expect(Buffer.from(few).equals(expected.subarray(800, 1500))).toBe(true);
  image.close();
});

/** A differencing disk as Microsoft's and VirtualBox's programs make it: its blocks hold some sectors, and it names its parent. */
async function differencing(parent: string, name: string, locatorName: string): Promise<string> {
  const path = await writeImage(vhd, bytesSource(prose(4 * MiB, 5)), at(name));
  const parentFooter = footerStruct.decode(readFileSync(parent).subarray(-512));
  const locator = Buffer.from(locatorName, "utf16le");
  const file = readFileSync(path);
  const bitmapAt = 2048;
  // Sectors 0 and 2 of the first block are its own; the second block is not stored.
  file.fill(0, bitmapAt, bitmapAt + 512);
  file[bitmapAt] = 0b1010_0000;
  file.writeUInt32BE(0xffffffff, 1536 + 4);
  const end = file.subarray(-512);
  writeFileSync(
    path,
    Buffer.concat([file.subarray(0, -512), locator, Buffer.alloc(512 - (locator.length % 512)), end]),
  );
  const parentLocators = new Uint8Array(8 * 24);
  parentLocatorStruct.encodeInto(parentLocators, 24, {
    platformCode: "W2ru",
    dataSpace: 512,
    dataLength: locator.length,
    dataOffset: BigInt(file.length - 512),
  });
  changeHeader(path, {
    parentUniqueId: parentFooter.uniqueId,
    parentName: Buffer.from("C:\\disks\\base.vhd", "utf16le").swap16(),
    parentLocators,
  });
  return changeFooters(path, { diskType: 4, uniqueId: new Uint8Array(16).fill(9) });
}

describe("differencing disks", () => {
  test("what they leave out comes from the disk that they change, found relative to them", async () => {
    mkdirSync(at("bases"), { recursive: true });
    const base = composeSource(4 * MiB, [{ offsetBytes: 0, source: bytesSource(noise(3 * MiB, 3)) }]);
    const parent = await writeImage(vhd, base, at("bases/base.vhd"));
    const image = openImage(await differencing(parent, "child.vhd", ".\\bases\\base.vhd"));
    expect(image.otherFiles).toEqual([parent]);
    expect(image.details).toEqual(expect.arrayContaining([["type", "differencing"]]));
    const expected = Buffer.from(readAll(base));
    const own = prose(4 * MiB, 5);
    expected.set(own.subarray(0, 512));
    expected.set(own.subarray(1024, 1536), 1024);
    expect(Buffer.from(readAll(image.disk)).equals(expected)).toBe(true);
    expect(image.disk.extents).toEqual([{ offsetBytes: 0, lengthBytes: 4 * MiB }]);
    image.close();
  });

  test("another disk in the parent's place is refused", async () => {
    const parent = await writeImage(vhd, bytesSource(noise(4 * MiB)), at("parent.vhd"));
    const child = await differencing(parent, "child.vhd", "parent.vhd");
    renameSync(await writeImage(vhd, bytesSource(noise(5 * MiB)), at("other.vhd")), parent);
    expect(() => openImage(child)).toThrow(
      expect.objectContaining({ code: "image/damaged", message: expect.stringContaining("not the disk") }),
    );
    rmSync(parent);
    expect(() => openImage(child)).toThrow(expect.objectContaining({ code: "image/not-found" }));
  });

  test("without a relative name it is refused, with the parent's name", async () => {
    const parent = await writeImage(vhd, bytesSource(noise(4 * MiB)), at("parent.vhd"));
    const child = await differencing(parent, "child.vhd", "\\\\server\\parent.vhd");
    expect(() => openImage(child)).toThrow(
      expect.objectContaining({
        code: "image/unsupported",
        message: expect.stringContaining(String.raw`"C:\\disks\\base.vhd"`),
      }),
    );
  });

  test("a disk that changes itself is refused", async () => {
    const parent = await writeImage(vhd, bytesSource(noise(4 * MiB)), at("parent.vhd"));
    const child = await differencing(parent, "circle.vhd", "circle.vhd");
    expect(() => openImage(child)).toThrow(expect.objectContaining({ code: "image/damaged" }));
  });
});

describe("what is broken", () => {
  test("the end's footer: the copy at the start serves", async () => {
    const path = await writeImage(vhd, mixed(), at("end.vhd"));
    writeFileSync(path, readFileSync(path).subarray(0, -512));
    const image = openImage(path);
    expect(image.problems).toEqual(["its footer is broken; the copy at its start was used"]);
    expect(diskDigest(image.disk)).toBe(diskDigest(mixed()));
    image.close();
  });

  const refused: Record<string, [make: () => Promise<string>, code: string, message: string]> = {
    "a wrong checksum": [
      async () => {
        const path = await writeImage(vhdFixed, mixed(), at("x.vhd"));
        const file = readFileSync(path);
        file[file.length - 1] = 1;
        writeFileSync(path, file);
        return path;
      },
      "image/damaged",
      "footer is broken",
    ],
    "version 2": [
      async () => changeFooters(await writeImage(vhd, mixed(), at("x.vhd")), { formatVersion: 0x20000 }),
      "image/unsupported",
      "version 2",
    ],
    "a type that is none": [
      async () => changeFooters(await writeImage(vhd, mixed(), at("x.vhd")), { diskType: 7 }),
      "image/damaged",
      "no VHD type 7",
    ],
    "a fixed disk larger than its file": [
      async () => changeFooters(await writeImage(vhdFixed, mixed(), at("x.vhd")), { currentSize: 13n << 20n }),
      "image/damaged",
      "its disk is not in the file",
    ],
    "a size that no VHD has": [
      async () => changeFooters(await writeImage(vhd, mixed(), at("x.vhd")), { currentSize: 1n << 63n }),
      "image/damaged",
      "more than a VHD holds",
    ],
    "no size": [
      async () => changeFooters(await writeImage(vhd, mixed(), at("x.vhd")), { currentSize: 1n }),
      "image/damaged",
      "empty",
    ],
    "a header behind the end": [
      async () => changeFooters(await writeImage(vhd, mixed(), at("x.vhd")), { dataOffset: 1n << 40n }),
      "image/damaged",
      "dynamic disk header is not in the file",
    ],
    "blocks of odd size": [
      async () => changeHeader(await writeImage(vhd, mixed(), at("x.vhd")), { blockSize: 1000 }),
      "image/damaged",
      "blocks of 1000 bytes",
    ],
    "a table that is too short": [
      async () => changeHeader(await writeImage(vhd, mixed(), at("x.vhd")), { maxTableEntries: 1 }),
      "image/damaged",
      "larger than its blocks",
    ],
    "a table behind the end": [
      async () => changeHeader(await writeImage(vhd, mixed(), at("x.vhd")), { tableOffset: 1n << 63n }),
      "image/damaged",
      "block table is not in the file",
    ],
    VHDX: [
      async () => {
        await qemuImg("create", "-f", "vhdx", at("x.vhdx"), "8M");
        return at("x.vhdx");
      },
      "image/unsupported",
      "VHDX",
    ],
  };
  test.each(Object.entries(refused))("%s is refused", async (_, [make, code, message]) => {
    const path = await make();
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });
});

test("mutated images give a result or an error", async () => {
  const parent = await writeImage(vhd, bytesSource(noise(4 * MiB)), at("fuzz-parent.vhd"));
  const images = [
    await writeImage(vhd, mixed(), at("a.vhd")),
    await convert("subformat=dynamic"),
    await differencing(parent, "c.vhd", "fuzz-parent.vhd"),
    await writeImage(vhdFixed, bytesSource(prose(MiB)), at("d.vhd")),
  ].map((path) => readFileSync(path));
  const parentFile = { path: parent, source: bytesSource(readFileSync(parent)) };
  survivesMutations(vhdReader, images, {
    hotspots: ({ length }) => [
      [0, 2048],
      [0, 512],
      [512, 600],
      [1536, 1600],
      [2048, 2060],
      [length - 512, length - 420],
    ],
    repair(image) {
      const { length } = image;
      const view = Buffer.from(image.buffer, image.byteOffset, length);
      for (const start of [0, length - 512])
        if (view.toString("latin1", start, start + 8) === "conectix")
          withChecksum(image.subarray(start, start + 512), 64);
      if (view.toString("latin1", 512, 520) === "cxsparse") withChecksum(image.subarray(512, 1536), 36);
    },
    openOther: (_, format) => {
      expect(format).toBe("vhd");
      return { ...vhdReader.read(parentFile, () => expect.unreachable()), path: parent };
    },
  });
});

test.each([footerStruct, dynamicHeaderStruct, parentLocatorStruct])(
  "$name: what is encoded is what is decoded",
  (structure) => expectRoundTrip(structure),
);
