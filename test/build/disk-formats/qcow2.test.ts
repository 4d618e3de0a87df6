import { execFile } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FormatOptions } from "../../../src/build/disk-formats/disk-format.ts";
import { emitImage } from "../../../src/build/disk-formats/emit.ts";
import { openImage } from "../../../src/build/disk-formats/open-image.ts";
import { qcow2 } from "../../../src/build/disk-formats/qcow2.ts";
import { raw } from "../../../src/build/disk-formats/raw.ts";
import { bytesSource, zeroSource } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { describeDiskFormat } from "./disk-format-contract.ts";
import { disks, prose } from "./disks.ts";
import { diskDigest } from "./image-digest.ts";
import { randomDiskRuns, randomDisks } from "./random-disks.ts";

const KiB = 1024;
const context = { signal: new AbortController().signal, jobs: 2 };
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-qcow2-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describeDiskFormat(qcow2, {
  qemuName: "qcow2",
  variants: [
    ...[512, 4 * KiB, 64 * KiB, 2048 * KiB].flatMap((clusterSizeBytes) =>
      [true, false].map((compress) => ({
        name: `${clusterSizeBytes} bytes a cluster, ${compress ? "compressed" : "plain"}`,
        compress,
        clusterSizeBytes,
      })),
    ),
    ...[true, false].map((compress) => ({
      name: `compat 0.10, ${compress ? "compressed" : "plain"}`,
      compress,
      clusterSizeBytes: 64 * KiB,
      options: { compat: "0.10" } as const,
    })),
    ...[4 * KiB, 64 * KiB, 2048 * KiB].map((clusterSizeBytes) => ({
      name: `${clusterSizeBytes} bytes a cluster, zstd`,
      compress: true,
      clusterSizeBytes,
      options: { compression: "zstd" } as const,
    })),
  ],
  async inspect(path) {
    const { status, output } = await runOracle("qemu-img", ["check", "--output=json", path]);
    expect(status, output).toBe(0);
    const report = JSON.parse(output);
    expect(report["check-errors"]).toBe(0);
    expect(report.leaks ?? 0).toBe(0);
    expect(report.corruptions ?? 0).toBe(0);
    // Compressed data is read in whole sectors.
    expect(statSync(path).size % 512).toBe(0);
  },
});

describe("qcow2", () => {
  async function write(name: string, request: { compress: boolean; clusterSizeBytes?: number }) {
    const path = join(directory, "image.qcow2");
    const rawPath = join(directory, "image.raw");
    const outputs = [
      { format: qcow2, path },
      { format: raw, path: rawPath },
    ];
    const source = (disks[name] as (typeof disks)[string])();
    const { compress, clusterSizeBytes = 64 * KiB } = request;
    await emitImage({ source, outputs, compress, clusterSizeBytes }, context);
    return { path, rawPath };
  }

  test("says of itself what every importer understands", async () => {
    const { path } = await write("text only", { compress: true });
    const { output } = await runOracle("qemu-img", ["info", "--output=json", path]);
    expect(JSON.parse(output)).toMatchObject({
      format: "qcow2",
      "virtual-size": 3 * 1024 * KiB,
      "cluster-size": 64 * KiB,
      "format-specific": {
        data: {
          compat: "1.1",
          "compression-type": "zlib",
          "lazy-refcounts": false,
          "refcount-bits": 16,
          corrupt: false,
          "extended-l2": false,
        },
      },
    });
  });

  test.each(["text only", "text, noise, zeros and holes in turns, not aligned"])(
    "%s: no larger than what qemu-img writes",
    async (name) => {
      for (const clusterSizeBytes of [4 * KiB, 64 * KiB]) {
        const { path, rawPath } = await write(name, { compress: true, clusterSizeBytes });
        const theirs = join(directory, "theirs.qcow2");
        const options = `cluster_size=${clusterSizeBytes}`;
        const { status, output } = await runOracle("qemu-img", [
          "convert",
          "-c",
          "-f",
          "raw",
          "-O",
          "qcow2",
          "-o",
          options,
          rawPath,
          theirs,
        ]);
        expect(status, output).toBe(0);
        expect(statSync(path).size).toBeLessThanOrEqual(statSync(theirs).size);
      }
    },
  );

  test("real programs: no larger than what qemu-img writes", async () => {
    const bytes = Buffer.alloc(16 * 1024 * KiB);
    const fd = openSync(process.execPath, "r");
    readSync(fd, bytes, 0, bytes.length, 20 * 1024 * KiB);
    closeSync(fd);
    const [path, rawPath, theirs] = ["a.qcow2", "a.raw", "b.qcow2"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const outputs = [
      { format: qcow2, path },
      { format: raw, path: rawPath },
    ];
    await emitImage({ source: bytesSource(bytes), outputs, compress: true, clusterSizeBytes: 64 * KiB }, context);
    await runOracle("qemu-img", ["convert", "-c", "-f", "raw", "-O", "qcow2", rawPath, theirs]);
    expect(statSync(path).size).toBeLessThanOrEqual(statSync(theirs).size);
  });

  test("without leave to make threads the bytes are the same", async () => {
    const module = (name: string) =>
      JSON.stringify(new URL(`../../../src/build/disk-formats/${name}.ts`, import.meta.url).href);
    const script = `
      import { writeFileSync } from "node:fs";
      const { createClusterCompressor } = await import(${module("cluster-compressor")});
      const compressor = createClusterCompressor(4096, "zlib", 2);
      const { packed, lengths } = await compressor.compress(new Uint8Array(8192).fill(5));
      compressor.close();
      console.log(JSON.stringify([Buffer.from(packed).toString("hex"), lengths]));`;
    const run = async (flags: string[]) => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...flags,
        "--input-type=module",
        "--eval",
        script,
      ]);
      return JSON.parse(stdout);
    };
    const root = new URL("../../..", import.meta.url).pathname;
    expect(await run(["--permission", `--allow-fs-read=${root}*`])).toEqual(await run([]));
  });

  test.each([
    [{ compat: "0.10" }, { compat: "0.10", "refcount-bits": 16 }],
    [{ compression: "zstd" }, { compat: "1.1", "compression-type": "zstd" }],
  ] as const)("says that it was asked for %j", async (options, expected) => {
    const path = join(directory, "image.qcow2");
    const source = bytesSource(prose(1024 * KiB));
    const outputs = [{ format: qcow2, path }];
    await emitImage({ source, outputs, compress: true, clusterSizeBytes: 64 * KiB, options }, context);
    const { output } = await runOracle("qemu-img", ["info", "--output=json", path]);
    expect(JSON.parse(output)["format-specific"].data).toMatchObject(expected);
  });

  test("zstd is refused for compat 0.10", async () => {
    const outputs = [{ format: qcow2, path: join(directory, "refused") }];
    const options = { compat: "0.10", compression: "zstd" } as const;
    const request = { source: bytesSource(prose(4096)), outputs, clusterSizeBytes: 64 * KiB, options };
    await expect(emitImage({ ...request, compress: true }, context)).rejects.toMatchObject({
      problems: [{ code: "image/unsupported", hint: "choose zlib, or compat 1.1" }],
    });
  });

  test("any disk comes back: random ones, in every variant", async () => {
    const variants = fc.record({
      compress: fc.boolean(),
      clusterSizeBytes: fc.constantFrom(512, 4 * KiB, 64 * KiB, 2048 * KiB),
      options: fc.constantFrom<FormatOptions>({}, { compat: "0.10" }, { compression: "zstd" }),
    });
    const path = join(directory, "random.qcow2");
    await fc.assert(
      fc.asyncProperty(randomDisks, variants, async (source, variant) => {
        const { rawSha256 } = await emitImage({ source, outputs: [{ format: qcow2, path }], ...variant }, context);
        const image = openImage(path);
        expect(image.problems).toEqual([]);
        expect(diskDigest(image.disk)).toBe(rawSha256);
        image.close();
        const { status, output } = await runOracle("qemu-img", ["check", path]);
        expect(status, output).toBe(0);
      }),
      { numRuns: randomDiskRuns },
    );
  });

  test("holes and zeros take no cluster", async () => {
    const { path } = await write("empty disk", { compress: false });
    const { output } = await runOracle("qemu-img", ["map", "--output=json", path]);
    expect(JSON.parse(output)).toMatchObject([{ start: 0, length: 4 * 1024 * KiB, data: false, zero: true }]);
  });

  test.each([1000, 256, 4 * 1024 * KiB])("clusters of %d bytes are refused", async (clusterSizeBytes) => {
    const path = join(directory, "refused");
    const request = { source: bytesSource(prose(4096)), outputs: [{ format: qcow2, path }], compress: true };
    await expect(emitImage({ ...request, clusterSizeBytes }, context)).rejects.toMatchObject({
      problems: [{ code: "image/unsupported", hint: expect.stringContaining("power of two") }],
    });
  });

  test("a disk whose tables would be too large asks for larger clusters", async () => {
    const outputs = [{ format: qcow2, path: join(directory, "refused") }];
    const work = emitImage(
      { source: zeroSource(256 * 1024 ** 3), outputs, compress: true, clusterSizeBytes: 512 },
      context,
    );
    await expect(work).rejects.toMatchObject({
      problems: [{ code: "image/unsupported", hint: "choose larger clusters" }],
    });
  });
});
