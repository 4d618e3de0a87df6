import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openImage } from "../../../src/build/disk-formats/open-image.ts";
import { raw } from "../../../src/build/disk-formats/raw.ts";
import { vmdk, vmdkFlat } from "../../../src/build/disk-formats/vmdk.ts";
import { readDescriptor } from "../../../src/build/disk-formats/vmdk-descriptor-reader.ts";
import { grainMarkerStruct, headerStruct, markerStruct } from "../../../src/build/disk-formats/vmdk-format.ts";
import { vmdkReader } from "../../../src/build/disk-formats/vmdk-reader.ts";
import { type ByteSource, bytesSource, composeSource } from "../../../src/core/byte-source.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
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
  directory = mkdtempSync(join(tmpdir(), "cloudimg-vmdk-reader-"));
  rawPath = await writeImage(raw, mixed(), at("disk.raw"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);

async function run(tool: string, ...args: string[]): Promise<void> {
  const { status, output } = await runOracle(tool, args);
  expect(status, output).toBe(0);
}

async function convert(options: string, ...more: string[]): Promise<string> {
  const path = at("theirs.vmdk");
  await run("qemu-img", "convert", ...more, "-O", "vmdk", "-o", options, rawPath, path);
  return path;
}

function changeText(path: string, from: string | RegExp, to: string): string {
  const text = readFileSync(path, "latin1");
  const changed = text.replace(from, (found) => to.padEnd(found.length, "\n"));
  expect(changed).not.toBe(text);
  writeFileSync(path, changed, "latin1");
  return path;
}

describe("what qemu-img makes reads the same", () => {
  test.each([
    ["monolithicSparse", "subformat=monolithicSparse", []],
    ["monolithicSparse", "subformat=monolithicSparse,zeroed_grain=on", []],
    ["monolithicSparse", "subformat=monolithicSparse,compat6", []],
    ["streamOptimized", "subformat=streamOptimized", ["-c"]],
    ["streamOptimized", "subformat=streamOptimized", []],
    ["monolithicFlat", "subformat=monolithicFlat", []],
    ["twoGbMaxExtentFlat", "subformat=twoGbMaxExtentFlat", []],
    ["twoGbMaxExtentSparse", "subformat=twoGbMaxExtentSparse", []],
  ] as const)("%s: %s %s", async (type, options, more) => {
    const image = openImage(await convert(options, ...more));
    expect(image).toMatchObject({ format: "vmdk", problems: [] });
    expect(image.details).toContainEqual(["type", type]);
    expect(diskDigest(image.disk)).toBe(diskDigest(mixed()));
    image.close();
  });

  test.each(["twoGbMaxExtentFlat", "twoGbMaxExtentSparse"])("%s of several files", async (subformat) => {
    const GiB = 1024 ** 3;
    const source = composeSource(5 * GiB, [
      { offsetBytes: 2 * GiB - 5000, source: bytesSource(prose(10_000)) },
      { offsetBytes: 4 * GiB + 5000, source: bytesSource(noise(100_000)) },
    ]);
    const large = await writeImage(raw, source, at("large.raw"));
    const path = at("several.vmdk");
    await run("qemu-img", "convert", "-O", "vmdk", "-o", `subformat=${subformat}`, large, path);
    const image = openImage(path);
    expect(image.otherFiles.length).toBe(3);
    expect(image.disk.sizeBytes).toBe(5 * GiB);
    const [found, expected] = [Buffer.alloc(200_000), Buffer.alloc(200_000)];
    for (const offsetBytes of [0, 2 * GiB - 100_000, 4 * GiB - 50_000, 5 * GiB - 200_000]) {
      image.disk.read(found, offsetBytes);
      source.read(expected, offsetBytes);
      expect(found.equals(expected)).toBe(true);
    }
    image.close();
  });

  test("zeros over a base, and what shows through, of a larger disk", async () => {
    const base = await convert("subformat=monolithicSparse");
    renameSync(base, at("base.vmdk"));
    const options = "zeroed_grain=on,backing_file=base.vmdk,backing_fmt=vmdk";
    await run("qemu-img", "create", "-f", "vmdk", "-o", options, at("child.vmdk"));
    const changes = ["write -P 7 100k 300k", "write -z 2M 256k", "write -P 9 7M 64k"];
    await run("qemu-io", ...changes.flatMap((change) => ["-c", change]), at("child.vmdk"));
    const image = openImage(at("child.vmdk"));
    expect(image.otherFiles).toEqual([at("base.vmdk")]);
    await run("qemu-img", "convert", "-O", "raw", at("child.vmdk"), at("expected.raw"));
    expect(diskDigest(image.disk)).toBe(diskDigest(bytesSource(readFileSync(at("expected.raw")))));
    image.close();
    changeText(at("base.vmdk"), /^CID=[0-9a-f]+/m, "CID=1");
    expect(() => openImage(at("child.vmdk"))).toThrow(
      expect.objectContaining({ code: "image/damaged", message: expect.stringContaining("not as it was") }),
    );
  });
});

test("random disks read back as they were written", async () => {
  await fc.assert(
    fc.asyncProperty(randomDisks, fc.constantFrom(vmdk, vmdkFlat), async (source, format) => {
      const image = openImage(await writeImage(format, source, at("ours.vmdk")));
      expect(image.problems).toEqual([]);
      expect(diskDigest(image.disk)).toBe(diskDigest(source));
      image.close();
    }),
    { numRuns: randomDiskRuns },
  );
});

/** A descriptor of our flat file, with other extents. */
async function described(...extents: string[]): Promise<string> {
  const path = await writeImage(vmdkFlat, bytesSource(prose(MiB)), at("text.vmdk"));
  writeFileSync(path, readFileSync(path, "utf8").replace(/^RW .*$/m, extents.join("\n")));
  return path;
}

describe("descriptors", () => {
  test("parts of files, zeros and folders, with Windows' line ends and encoding", async () => {
    const path = await described('RW 4 FLAT "text-flat.vmdk" 10', "RW 8 ZERO", 'RW 2 FLAT "d\u00efsks\\part.vmdk" 0');
    mkdirSync(at("d\u00efsks"), { recursive: true });
    writeFileSync(at("d\u00efsks/part.vmdk"), noise(1024));
    const text = readFileSync(path, "utf8").replace('encoding="UTF-8"', 'encoding="windows-1252"');
    writeFileSync(path, text.replaceAll("\n", "\r\n"), "latin1");
    const image = openImage(path);
    const expected = Buffer.concat([
      prose(MiB).subarray(5120, 5120 + 2048),
      Buffer.alloc(4096),
      Buffer.from(noise(1024)),
    ]);
    const found = Buffer.alloc(image.disk.sizeBytes);
    image.disk.read(found, 0);
    expect(found.equals(expected)).toBe(true);
    expect(image.otherFiles).toEqual([at("text-flat.vmdk"), at("d\u00efsks/part.vmdk")]);
    image.close();
  });

  test.each([
    'RW 1 FLAT "/etc/hostname" 0',
    'RW 1 FLAT "../disk.raw" 0',
    'RW 1 FLAT "a/../../disk.raw" 0',
    String.raw`RW 1 FLAT "..\disk.raw" 0`,
    String.raw`RW 1 FLAT "C:\disk.raw" 0`,
    'RW 1 FLAT "" 0',
    "RW 1 FLAT",
    'RW 1 SPARSE "/dev/sda"',
    'RW 1 VMFSRDM "disk.raw"',
    'NOACCESS 1 FLAT "disk.raw" 0',
  ])("%s is refused", async (extent) => {
    const path = await described(extent);
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code: "image/unsupported" }));
  });

  test.each([
    ['RW 2048 FLAT "text-flat.vmdk" 1', "image/damaged", "too short"],
    ['RW 2048 FLAT "gone.vmdk" 0', "image/not-found", "no such file"],
    ['RW 2048 SPARSE "text-flat.vmdk"', "image/not-an-image", "vmdk-extent"],
    ['RW 2048 SPARSE "text.vmdk"', "image/damaged", "based on itself"],
    ["RW 999999999999999 ZERO", "image/damaged", "cannot be"],
    ["RW many ZERO", "image/damaged", "RW many ZERO"],
    ["# no extents", "image/damaged", "empty"],
  ])("%s: %s", async (extent, code, message) => {
    const path = await described(extent);
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("more extents than anybody has", async () => {
    const path = await described(...new Array(3000).fill("RW 1 ZERO"));
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code: "image/damaged" }));
  });

  test("differences in several files are refused with the parent's name", async () => {
    const path = changeText(await described("RW 1 ZERO"), "parentCID=ffffffff", "parentCID=00000001");
    changeText(path, 'encoding="UTF-8"\n', 'parentFileNameHint="b"\n');
    expect(() => openImage(path)).toThrow(
      expect.objectContaining({ code: "image/unsupported", message: expect.stringContaining('"b"') }),
    );
  });

  test("any text is a descriptor or an error", () => {
    const parts = fc.constantFrom("CID=1", "parentCID=", "ffffffff", "createType=", '"x"', "RW ", "12", " FLAT ", "\n");
    fc.assert(
      fc.property(fc.array(fc.oneof(parts, fc.string({ unit: "binary" }))), (words) => {
        try {
          readDescriptor(Buffer.from(`# Disk DescriptorFile\n${words.join("")}`), "text");
        } catch (error) {
          if (!(error instanceof CloudimgError)) throw error;
        }
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300) },
    );
  });
});

describe("what is broken is refused", () => {
  async function changed(
    change: Parameters<typeof headerStruct.encode>[0],
    place: "start" | "footer",
  ): Promise<string> {
    const path = await writeImage(vmdk, mixed(), at("changed.vmdk"));
    const file = readFileSync(path);
    const offset = place === "start" ? 0 : file.length - 1024;
    headerStruct.encodeInto(file, offset, { ...headerStruct.decode(file, offset), ...change });
    writeFileSync(path, file);
    return path;
  }

  const cases: Record<string, [make: () => Promise<string>, code: string, message: string]> = {
    "a stream that was cut": [
      async () => {
        const path = await writeImage(vmdk, mixed(), at("cut.vmdk"));
        writeFileSync(path, readFileSync(path).subarray(0, -512));
        return path;
      },
      "image/damaged",
      "the stream has no end",
    ],
    "version 4": [() => changed({ version: 4 }, "footer"), "image/unsupported", "version 4"],
    "line ends that were changed": [
      () => changed({ lineEnds: Uint8Array.from(Buffer.from("\n \n\n")) }, "footer"),
      "image/damaged",
      "line ends",
    ],
    "unknown features": [() => changed({ flags: 0x8003_0001 }, "footer"), "image/unsupported", "0x80000000"],
    "another compression": [() => changed({ compression: 9 }, "footer"), "image/unsupported", "method 9"],
    "odd grains": [() => changed({ grainSize: 100n }, "footer"), "image/damaged", "grains of 51200 bytes"],
    "huge grains": [() => changed({ grainSize: 1n << 20n }, "footer"), "image/damaged", "cannot be"],
    "no tables": [() => changed({ tableEntries: 0 }, "footer"), "image/damaged", "tables of 0"],
    "no size": [() => changed({ capacity: 0n }, "footer"), "image/damaged", "size"],
    "a size that cannot be": [() => changed({ capacity: 1n << 60n }, "footer"), "image/damaged", "size"],
    "a directory behind the end": [
      () => changed({ directoryOffset: 1n << 40n }, "footer"),
      "image/damaged",
      "grain directory is not in the file",
    ],
    "a part of a disk": [() => changed({ descriptorOffset: 0n }, "footer"), "image/unsupported", "one part of a disk"],
    "no descriptor": [() => changed({ descriptorOffset: 5n }, "footer"), "image/damaged", "descriptor"],
  };
  test.each(Object.entries(cases))("%s", async (_, [make, code, message]) => {
    const path = await make();
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("a grain that is none, when it is read", async () => {
    const path = await writeImage(vmdk, mixed(), at("grain.vmdk"));
    const file = readFileSync(path);
    file.fill(0x55, 65536 + 12, 65536 + 100);
    writeFileSync(path, file);
    const image = openImage(path);
    expect(() => image.disk.read(new Uint8Array(512), 1024)).toThrow(
      expect.objectContaining({ code: "image/damaged", message: expect.stringContaining("grain 0") }),
    );
    image.close();
  });
});

test("mutated images give a result or an error", async () => {
  const small = bytesSource(prose(MiB));
  const smallRaw = await writeImage(raw, small, at("small.raw"));
  const theirs = at("small.vmdk");
  await run("qemu-img", "convert", "-O", "vmdk", smallRaw, theirs);
  const images = [
    readFileSync(await writeImage(vmdk, mixed(), at("a.vmdk"))),
    readFileSync(await writeImage(vmdk, small, at("b.vmdk"))),
    readFileSync(theirs),
    readFileSync(await writeImage(vmdkFlat, small, at("c.vmdk"))),
  ];
  survivesMutations(vmdkReader, images, {
    hotspots: ({ length }) =>
      length < 2000
        ? [[0, length]]
        : [
            [0, 80],
            [512, 1200],
            [10752, 10800],
            [65536, 65560],
            [length - 1536, length - 900],
            [length - 4608, length - 2048],
          ],
    openOther: (name) => ({
      ...{ path: name, format: "raw", disk: small, details: [], problems: [], otherFiles: [] },
      close() {},
    }),
  });
});

test.each([headerStruct, grainMarkerStruct, markerStruct])("$name: what is encoded is what is decoded", (structure) =>
  expectRoundTrip(structure),
);
