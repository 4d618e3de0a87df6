import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emitImage } from "../../../src/build/disk-formats/emit.ts";
import { vmdk, vmdkFlat } from "../../../src/build/disk-formats/vmdk.ts";
import { headerStruct, markerStruct } from "../../../src/build/disk-formats/vmdk-format.ts";
import { type ByteSource, bytesSource, composeSource, zeroSource } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { describeDiskFormat } from "./disk-format-contract.ts";
import { disks, noise, prose } from "./disks.ts";
import { writeImage } from "./sinks.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-vmdk-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const variant = { compress: true, clusterSizeBytes: 65536 };
describe("streamOptimized, as every format", () =>
  describeDiskFormat(vmdk, { qemuName: "vmdk", variants: [{ name: "compressed", ...variant }], inspect }));
describe("monolithicFlat, as every format", () =>
  describeDiskFormat(vmdkFlat, { qemuName: "vmdk", variants: [{ name: "flat", ...variant }], inspect }));

async function inspect(path: string): Promise<void> {
  const { status, output } = await runOracle("qemu-img", ["check", path]);
  expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining("No errors were found") });
}

describe("streamOptimized", () => {
  const path = () => join(directory, "image.vmdk");

  test("says of itself what importers look for", async () => {
    await writeImage(vmdk, bytesSource(prose(3 * MiB)), path());
    const { output } = await runOracle("qemu-img", ["info", "--output=json", path()]);
    expect(JSON.parse(output)).toMatchObject({
      format: "vmdk",
      "virtual-size": 3 * MiB,
      "cluster-size": 65536,
      "format-specific": { data: { "create-type": "streamOptimized", "parent-cid": 0xffffffff } },
    });
    const file = readFileSync(path());
    const descriptor = file.toString("latin1", 512, 512 + 20 * 512);
    expect(descriptor.slice(0, descriptor.indexOf("\0"))).toMatch(
      /^# Disk DescriptorFile\nversion=1\n[\s\S]*RW 6144 SPARSE [\s\S]*ddb.adapterType = "lsilogic"\n$/,
    );
  });

  test("the stream can be walked from its start to its end without tables", async () => {
    const source = disks["text, noise, zeros and holes in turns, not aligned"]?.() as ByteSource;
    const file = readFileSync(await writeImage(vmdk, source, path()));
    const read = Buffer.alloc(source.sizeBytes);
    const types: number[] = [];
    let at = 65536;
    while (at < file.length) {
      const { value, size, type } = markerStruct.decode(file, at);
      if (size > 0) {
        inflateSync(file.subarray(at + 12, at + 12 + size)).copy(read, Number(value) * 512);
        at += Math.ceil((12 + size) / 512) * 512;
      } else {
        types.push(type);
        at += 512 + Number(value) * 512;
      }
    }
    const expected = Buffer.alloc(source.sizeBytes);
    source.read(expected, 0);
    expect(read.equals(expected)).toBe(true);
    // A table, the directory, the footer, the end.
    expect(types).toEqual([1, 2, 3, 0]);
    const [first, footer] = [headerStruct.decode(file), headerStruct.decode(file, file.length - 1024)];
    expect({ ...footer, directoryOffset: first.directoryOffset }).toEqual(first);
  });

  test("an empty disk is a header, a directory and a footer", async () => {
    await writeImage(vmdk, zeroSource(8 * GiB), path());
    expect(statSync(path()).size).toBe(65536 + 512 + 1024 + 1024 + 512);
  });

  test.each(["text only", "text, noise, zeros and holes in turns, not aligned"])(
    "%s: no larger than what qemu-img writes",
    async (name) => {
      const source = disks[name]?.() as ByteSource;
      await writeImage(vmdk, source, path());
      const theirs = join(directory, "theirs.vmdk");
      const options = ["-O", "vmdk", "-o", "subformat=streamOptimized"];
      const { status, output } = await runOracle("qemu-img", ["convert", "-c", ...options, path(), theirs]);
      expect(status, output).toBe(0);
      expect(statSync(path()).size).toBeLessThanOrEqual(statSync(theirs).size);
    },
  );

  test("equal disks make equal files, with ids that others do not have", async () => {
    const cid = async (source: ByteSource) => {
      await writeImage(vmdk, source, path());
      return /CID=([0-9a-f]{8})/.exec(readFileSync(path(), "latin1"))?.[1];
    };
    const first = await cid(bytesSource(noise(MiB)));
    expect(await cid(bytesSource(noise(MiB)))).toBe(first);
    expect(await cid(bytesSource(noise(2 * MiB)))).not.toBe(first);
  });
});

describe("monolithicFlat", () => {
  test("one file describes the other, which is the raw disk", async () => {
    const source = composeSource(3 * GiB, [{ offsetBytes: GiB, source: bytesSource(noise(4096)) }]);
    const path = await writeImage(vmdkFlat, source, join(directory, "disk of two.vmdk"));
    const descriptor = readFileSync(path, "utf8");
    expect(descriptor).toContain('createType="monolithicFlat"\n');
    expect(descriptor).toContain('\nRW 6291456 FLAT "disk of two-flat.vmdk" 0\n');
    expect(descriptor).toContain('ddb.geometry.heads = "255"\nddb.geometry.sectors = "63"\n');
    const flat = statSync(join(directory, "disk of two-flat.vmdk"));
    expect(flat.size).toBe(3 * GiB);
    expect(flat.blocks * 512).toBeLessThan(MiB);
  });

  test("both files are told of, and appear together", async () => {
    const empty = mkdtempSync(join(directory, "both-"));
    const source = bytesSource(prose(MiB));
    const context = { signal: new AbortController().signal, jobs: 1 };
    const request = { source, compress: true, clusterSizeBytes: 65536 };
    const outputs = [{ format: vmdkFlat, path: join(empty, "disk.vmdk") }];
    const { files } = await emitImage({ ...request, outputs }, context);
    expect(files).toEqual([
      { path: join(empty, "disk.vmdk"), format: "vmdk-flat", sizeBytes: statSync(join(empty, "disk.vmdk")).size },
      { path: join(empty, "disk-flat.vmdk"), format: "vmdk-flat", sizeBytes: MiB },
    ]);
    expect(readdirSync(empty).sort()).toEqual(["disk-flat.vmdk", "disk.vmdk"]);
  });

  test("a name that a descriptor cannot hold is refused", async () => {
    const work = writeImage(vmdkFlat, zeroSource(MiB), join(directory, 'a "b".vmdk'));
    await expect(work).rejects.toMatchObject({ code: "image/unsupported" });
  });
});

test.each([
  [0, "1MiB"],
  [MiB + 1, "2MiB"],
  [63 * MiB * MiB, "qcow2"],
])("a disk of %d bytes is refused with what would do", async (sizeBytes, hint) => {
  for (const format of [vmdk, vmdkFlat])
    await expect(writeImage(format, zeroSource(sizeBytes), join(directory, "refused.vmdk"))).rejects.toMatchObject({
      problems: [{ code: "image/unsupported", hint: expect.stringContaining(hint) }],
    });
});
