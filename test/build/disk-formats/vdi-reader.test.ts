import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openImage } from "../../../src/build/disk-formats/open-image.ts";
import { raw } from "../../../src/build/disk-formats/raw.ts";
import { vdi } from "../../../src/build/disk-formats/vdi.ts";
import { headerStruct, zeroBlock } from "../../../src/build/disk-formats/vdi-format.ts";
import { vdiReader } from "../../../src/build/disk-formats/vdi-reader.ts";
import type { ByteSource } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { disks } from "./disks.ts";
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
  directory = mkdtempSync(join(tmpdir(), "cloudimg-vdi-reader-"));
  rawPath = await writeImage(raw, mixed(), at("disk.raw"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);

async function convert(options: string): Promise<string> {
  const path = at("theirs.vdi");
  const { status, output } = await runOracle("qemu-img", ["convert", "-O", "vdi", "-o", options, rawPath, path]);
  expect(status, output).toBe(0);
  return path;
}

test.each([
  ["dynamic", "static=off", "9 of 12"],
  ["static", "static=on", "12 of 12"],
])("what qemu-img makes reads the same: %s", async (type, options, blocks) => {
  const image = openImage(await convert(options));
  expect(image).toMatchObject({ format: "vdi", problems: [], otherFiles: [] });
  expect(image.details).toEqual(
    expect.arrayContaining([
      ["type", type],
      ["block size", "1 MiB"],
    ]),
  );
  if (type === "static") expect(image.details).toContainEqual(["blocks", blocks]);
  expect(diskDigest(image.disk)).toBe(diskDigest(mixed()));
  image.close();
});

test("random disks read back as they were written", async () => {
  await fc.assert(
    fc.asyncProperty(randomDisks, async (source) => {
      const image = openImage(await writeImage(vdi, source, at("ours.vdi")));
      expect(image.problems).toEqual([]);
      expect(diskDigest(image.disk)).toBe(diskDigest(source));
      image.close();
    }),
    { numRuns: randomDiskRuns },
  );
});

/** One of our files with its header changed. */
async function changed(change: Partial<ReturnType<typeof headerStruct.decode>>, name = "changed.vdi"): Promise<string> {
  const file = readFileSync(await writeImage(vdi, mixed(), at(name)));
  headerStruct.encodeInto(file, 0, { ...headerStruct.decode(file), ...change });
  writeFileSync(at(name), file);
  return at(name);
}

test("a block of zeros reads as zeros", async () => {
  const path = await changed({});
  const file = readFileSync(path);
  file.writeUInt32LE(zeroBlock, 512);
  writeFileSync(path, file);
  const image = openImage(path);
  const block = new Uint8Array(MiB).fill(1);
  image.disk.read(block, 0);
  expect(block.every((byte) => byte === 0)).toBe(true);
  expect(image.problems).toEqual([expect.stringMatching(/^it says that (\d+) blocks are stored, but there are \d+$/)]);
  image.close();
});

describe("what cannot be read is refused", () => {
  const cases: Record<string, [change: Parameters<typeof changed>[0], code: string, message: string]> = {
    "version 1.0": [{ version: 0x00010000 }, "image/unsupported", "VDI of version 1.0"],
    differences: [{ imageType: 4, parentUuid: new Uint8Array(16).fill(1) }, "image/unsupported", "01010101-0101"],
    "a parent": [{ linkUuid: new Uint8Array(16).fill(1) }, "image/unsupported", "differences"],
    "a type that is none": [{ imageType: 9 }, "image/damaged", "no VDI type 9"],
    "blocks of odd size": [{ blockSize: 1000 }, "image/damaged", "blocks of 1000 bytes"],
    "something before blocks": [{ blockExtra: 512 }, "image/unsupported", "before their data"],
    "no size": [{ diskSize: 0n }, "image/damaged", "empty"],
    "too large for its blocks": [{ diskSize: 1n << 62n }, "image/damaged", "larger than its blocks"],
    "a map behind the end": [{ mapOffset: 0xffffff00 }, "image/damaged", "block map is not in the file"],
    "a map larger than the file": [
      { blocksInImage: 0x3fffffff, diskSize: 1n << 49n },
      "image/damaged",
      "block map is not in the file",
    ],
  };
  test.each(Object.entries(cases))("%s", async (_, [change, code, message]) => {
    const path = await changed(change);
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("blocks that are one", async () => {
    const path = await changed({});
    const file = readFileSync(path);
    for (let block = 0; block < 12; block++) file.writeUInt32LE(0, 512 + block * 4);
    writeFileSync(path, file);
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code: "image/damaged" }));
  });

  test("data behind the end of the file", async () => {
    const path = await changed({ dataOffset: 0x7fffff00 });
    const image = openImage(path);
    expect(() => diskDigest(image.disk)).toThrow(expect.objectContaining({ code: "image/damaged" }));
    image.close();
  });
});

test("mutated images give a result or an error", async () => {
  const images = [readFileSync(await writeImage(vdi, mixed(), at("a.vdi"))), readFileSync(await convert("static=on"))];
  survivesMutations(vdiReader, images, { hotspots: () => [[64, 512 + 12 * 4]] });
});

test.each([headerStruct])("$name: what is encoded is what is decoded", (structure) => expectRoundTrip(structure));
