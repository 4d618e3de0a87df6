import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emitImage } from "../../../src/build/disk-formats/emit.ts";
import type { OpenOther } from "../../../src/build/disk-formats/image-reader.ts";
import { openImage } from "../../../src/build/disk-formats/open-image.ts";
import { qcow2Reader } from "../../../src/build/disk-formats/qcow2-reader.ts";
import { raw } from "../../../src/build/disk-formats/raw.ts";
import { bytesSource } from "../../../src/core/byte-source.ts";
import { fail } from "../../../src/core/errors.ts";
import { runOracle } from "../../oracles/run.ts";
import { disks, noise, prose } from "./disks.ts";
import { diskDigest } from "./image-digest.ts";
import { survivesMutations } from "./image-mutations.ts";

const KiB = 1024;
const MiB = 1024 ** 2;
const mixed = "text, noise, zeros and holes in turns, not aligned";

let directory: string;
/** A raw disk to make images of, and its digest. */
let rawPath: string;
let digest: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-qcow2-reader-"));
  rawPath = join(directory, "disk.raw");
  const source = (disks[mixed] as (typeof disks)[string])();
  const request = { source, outputs: [{ format: raw, path: rawPath }], compress: false, clusterSizeBytes: 64 * KiB };
  digest = (await emitImage(request, { signal: new AbortController().signal, jobs: 1 })).rawSha256;
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);

async function qemuImg(...args: string[]): Promise<void> {
  const { status, output } = await runOracle("qemu-img", args);
  expect(status, output).toBe(0);
}

async function qemuIo(path: string, ...commands: string[]): Promise<void> {
  const { status, output } = await runOracle("qemu-io", [...commands.flatMap((command) => ["-c", command]), path]);
  expect(status, output).toBe(0);
}

/** What we read, and what qemu-img reads. */
async function expectEqual(path: string): Promise<ReturnType<typeof openImage>> {
  const image = openImage(path);
  const expected = at("expected.raw");
  await qemuImg("convert", "-O", "raw", path, expected);
  const reference = openImage(expected, { format: "raw" });
  expect(diskDigest(image.disk)).toBe(diskDigest(reference.disk));
  reference.close();
  return image;
}

describe("what qemu-img makes reads the same", () => {
  const variants: Record<string, { options: string; compress?: boolean }> = {
    plain: { options: "compat=1.1" },
    "compat 0.10": { options: "compat=0.10" },
    "compat 0.10, compressed": { options: "compat=0.10", compress: true },
    "lazy refcounts": { options: "lazy_refcounts=on" },
    "refcounts of one bit": { options: "refcount_bits=1" },
    "refcounts of 64 bits": { options: "refcount_bits=64" },
    "tables allocated": { options: "preallocation=metadata" },
    "all allocated": { options: "preallocation=falloc" },
    "extended L2": { options: "extended_l2=on,cluster_size=128k" },
    "extended L2, compressed": { options: "extended_l2=on,cluster_size=64k", compress: true },
    "extended L2, zstd": { options: "extended_l2=on,cluster_size=64k,compression_type=zstd", compress: true },
  };
  for (const clusterSize of ["512", "4k", "64k", "2M"])
    for (const compression of ["zlib", "zstd"])
      variants[`clusters of ${clusterSize}, ${compression}`] = {
        options: `cluster_size=${clusterSize},compression_type=${compression}`,
        compress: true,
      };

  test.each(Object.entries(variants))("%s", async (_, { options, compress }) => {
    const path = at("theirs.qcow2");
    await qemuImg("convert", ...(compress ? ["-c"] : []), "-O", "qcow2", "-o", options, rawPath, path);
    const image = openImage(path);
    expect(image.format).toBe("qcow2");
    expect(image.problems).toEqual([]);
    expect(diskDigest(image.disk)).toBe(digest);
    image.close();
  });

  test("its holes are holes", async () => {
    const path = at("holes.qcow2");
    await qemuImg("convert", "-O", "qcow2", rawPath, path);
    const image = openImage(path);
    const data = image.disk.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    expect(data).toBeLessThan(4 * MiB);
    expect(image.disk.sizeBytes).toBe(12 * MiB);
    image.close();
  });

  test("a chain of three, of changing formats, with zeros over data and a smaller base", async () => {
    writeFileSync(at("base.raw"), prose(3 * MiB, 3));
    await qemuImg("create", "-f", "qcow2", "-o", "backing_file=base.raw,backing_fmt=raw", at("middle.qcow2"), "8M");
    await qemuIo(at("middle.qcow2"), "write -P 7 100k 300k", "write -z 1M 256k", "write -P 9 7M 64k");
    await qemuImg("create", "-f", "qcow2", "-o", "backing_file=middle.qcow2,backing_fmt=qcow2", at("top.qcow2"), "10M");
    await qemuIo(at("top.qcow2"), "write -P 1 200k 70k", "write -z 6M 128k", "discard 7M 64k", "write -P 3 9M 64k");
    const image = await expectEqual(at("top.qcow2"));
    expect(image.otherFiles).toEqual([at("middle.qcow2"), at("base.raw")]);
    expect(image.details).toContainEqual(["backing file", "middle.qcow2 (qcow2)"]);
    image.close();
  });

  test("subclusters over a base: data, zeros and what shows through", async () => {
    writeFileSync(at("under.raw"), prose(4 * MiB, 4));
    const options = "extended_l2=on,cluster_size=64k,backing_file=under.raw,backing_fmt=raw";
    await qemuImg("create", "-f", "qcow2", "-o", options, at("sub.qcow2"), "6M");
    await qemuIo(
      at("sub.qcow2"),
      "write -P 5 3k 1k",
      "write -P 6 70k 5k",
      "write -z 100k 6k",
      "write -z 1M 64k",
      "write -P 8 5M 2k",
      "write -c -P 4 2M 64k",
    );
    (await expectEqual(at("sub.qcow2"))).close();
  });

  test("of an image with snapshots the present state is read, and they are told", async () => {
    const path = at("snapshots.qcow2");
    await qemuImg("convert", "-O", "qcow2", rawPath, path);
    await qemuImg("snapshot", "-c", "before the change", path);
    await qemuIo(path, "write -P 5 0 2M");
    await qemuImg("snapshot", "-c", "after", path);
    await qemuIo(path, "write -P 6 1M 100k");
    const image = await expectEqual(path);
    expect(image.details).toContainEqual(["snapshots", '2, not read: "before the change", "after"']);
    image.close();
  });

  test.each(["off", "on"])("data in another file, raw external %s", async (isRaw) => {
    const options = `data_file=${at("data.bin")},data_file_raw=${isRaw}`;
    await qemuImg("create", "-f", "qcow2", "-o", options, at("external.qcow2"), "4M");
    await qemuIo(at("external.qcow2"), "write -P 5 0 100k", "write -P 6 2M 100k", "write -z 64k 64k");
    const image = await expectEqual(at("external.qcow2"));
    expect(image.otherFiles).toEqual([at("data.bin")]);
    image.close();
    rmSync(at("data.bin"));
  });

  test("an image that was not closed", async () => {
    const path = at("dirty.qcow2");
    await qemuImg("create", "-f", "qcow2", "-o", "lazy_refcounts=on", path, "4M");
    await qemuIo(path, "write -P 5 0 1M");
    const bytes = readFileSync(path);
    bytes[79] = (bytes[79] as number) | 3;
    writeFileSync(path, bytes);
    const image = openImage(path);
    expect(image.problems).toEqual([
      "it was not closed properly: its refcounts may be wrong (qemu-img check -r all)",
      "QEMU found it corrupt and marked it so",
    ]);
    const first = new Uint8Array(MiB);
    image.disk.read(first, 0);
    expect(first.every((byte) => byte === 5)).toBe(true);
    image.close();
  });

  test("a disk of many terabytes takes no time", async () => {
    const path = at("huge.qcow2");
    await qemuImg("create", "-f", "qcow2", path, "60T");
    await qemuIo(path, "write -P 5 59T 100k");
    const image = openImage(path);
    expect(image.disk.extents).toEqual([{ offsetBytes: 59 * 1024 ** 4, lengthBytes: 128 * KiB }]);
    image.close();
  });
});

describe("what cannot be read is refused", () => {
  /** A small image with some bytes of its header changed. */
  async function changed(change: (view: DataView, bytes: Buffer) => void): Promise<string> {
    const path = at("changed.qcow2");
    await qemuImg("convert", "-c", "-O", "qcow2", rawPath, path);
    const bytes = readFileSync(path);
    change(new DataView(bytes.buffer, bytes.byteOffset), bytes);
    writeFileSync(path, bytes);
    return path;
  }

  const cases: Record<string, [change: (view: DataView, bytes: Buffer) => void, code: string, message: string]> = {
    "version 4": [(view) => view.setUint32(4, 4), "image/unsupported", "its qcow2 version is 4"],
    "clusters too small": [(view) => view.setUint32(20, 8), "image/damaged", "clusters of 2^8 bytes do not exist"],
    "an impossible size": [(view) => view.setUint32(24, 2 ** 31), "image/damaged", "is too large"],
    AES: [(view) => view.setUint32(32, 1), "image/unsupported", "it is encrypted (AES)"],
    "an L1 table that is too short": [(view) => view.setUint32(36, 0), "image/damaged", "L1 table is too short"],
    "an L1 table behind the end": [
      (view) => view.setBigUint64(40, 1n << 40n),
      "image/damaged",
      "behind the end of the file",
    ],
    "an L1 table between clusters": [
      (view) => view.setBigUint64(40, 513n),
      "image/damaged",
      "at the start of a cluster",
    ],
    "unknown features": [(view) => view.setBigUint64(72, 1n << 40n), "image/unsupported", "not known here: bit 40"],
    "a compression nobody knows": [
      (view) => {
        view.setBigUint64(72, 8n);
        view.setUint8(104, 7);
      },
      "image/unsupported",
      "its compression type is 7",
    ],
    "a header that is too long": [(view) => view.setUint32(100, 2 ** 20), "image/damaged", "cannot be 1048576 bytes"],
    "an L2 table behind the end": [
      (view) => view.setBigUint64(Number(view.getBigUint64(40)), 1n << 40n),
      "image/damaged",
      "L2 table 0 lies behind the end",
    ],
    "a backing file's name outside": [
      (view) => {
        view.setBigUint64(8, 65530n);
        view.setUint32(16, 100);
      },
      "image/damaged",
      "outside its header",
    ],
  };
  test.each(Object.entries(cases))("%s", async (_, [change, code, message]) => {
    const path = await changed(change);
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("LUKS", async () => {
    const secret = ["--object", "secret,id=key,data=secret"];
    const options = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10";
    await qemuImg("create", ...secret, "-f", "qcow2", "-o", options, at("luks.qcow2"), "1M");
    expect(() => openImage(at("luks.qcow2"))).toThrow(
      expect.objectContaining({ code: "image/unsupported", message: expect.stringContaining("encrypted (LUKS)") }),
    );
  });

  test("a file cut short: it opens, says so, and refuses what is missing", async () => {
    const path = at("cut.qcow2");
    await qemuImg("convert", "-O", "qcow2", rawPath, path);
    truncateSync(path, 1 * MiB);
    const image = openImage(path);
    expect(image.problems).toEqual([expect.stringMatching(/^data of \d+ clusters lies behind the end of the file$/)]);
    expect(() => diskDigest(image.disk)).toThrow(expect.objectContaining({ code: "image/damaged" }));
    image.close();
  });

  test("compressed data that is none", async () => {
    const path = await changed((_, bytes) => bytes.fill(0xff, 320 * KiB));
    const image = openImage(path);
    expect(() => diskDigest(image.disk)).toThrow(
      expect.objectContaining({ code: "image/damaged", message: expect.stringContaining("is no compressed cluster") }),
    );
    image.close();
  });

  test("noise under the name", () => {
    writeFileSync(at("noise.qcow2"), noise(4096));
    expect(() => openImage(at("noise.qcow2"))).toThrow(expect.objectContaining({ code: "image/not-an-image" }));
  });
});

test("mutated images give a result or an error", async () => {
  const options = ["compat=0.10", "cluster_size=4k", "cluster_size=512,compression_type=zstd", "extended_l2=on"];
  const images: Uint8Array[] = [];
  writeFileSync(at("small.raw"), Buffer.concat([prose(300 * KiB), new Uint8Array(300 * KiB), noise(100 * KiB)]));
  for (const option of options) {
    const path = at("mutate.qcow2");
    await qemuImg("convert", "-c", "-O", "qcow2", "-o", option, at("small.raw"), path);
    await qemuIo(path, "write -P 5 10k 2k", "write -z 200k 64k");
    await qemuImg("snapshot", "-c", "one", path);
    await qemuIo(path, "write -P 6 310k 9k");
    images.push(readFileSync(path));
  }
  const base = bytesSource(prose(64 * KiB));
  const openOther: OpenOther = (name) => {
    if (name.length > 40) fail("image/not-found", "no such file");
    return { path: name, format: "raw", disk: base, details: [], problems: [], otherFiles: [], close() {} };
  };
  survivesMutations(qcow2Reader, images, { hotspots: qcow2Structures, openOther });
});

/** The header, and the first entries of all tables. */
function qcow2Structures(image: Uint8Array): [number, number][] {
  const view = new DataView(image.buffer, image.byteOffset);
  const l1 = Number(view.getBigUint64(40));
  const l2 = Number(view.getBigUint64(l1) & 0x00ff_ffff_ffff_fe00n);
  const snapshots = Number(view.getBigUint64(64));
  return [
    [0, 112],
    [0, 112],
    [112, 400],
    [l1, l1 + 64],
    [l2, l2 + 512],
    [snapshots, snapshots + 64],
  ];
}
