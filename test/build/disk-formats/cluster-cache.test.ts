import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clusterCachePath } from "../../../src/build/disk-formats/cluster-cache.ts";
import { compressionVersions } from "../../../src/build/disk-formats/cluster-compressor.ts";
import { decodeIndex, encodeIndex, indexEntryStruct } from "../../../src/build/disk-formats/cluster-index.ts";
import { emitImage } from "../../../src/build/disk-formats/emit.ts";
import { qcow2 } from "../../../src/build/disk-formats/qcow2.ts";
import { bytesSource } from "../../../src/core/byte-source.ts";
import { Deflater } from "../../../src/core/deflate.ts";
import { noise, prose } from "./disks.ts";

const MiB = 1024 ** 2;
const clusterBytes = 65536;
const kind = { method: compressionVersions.zlib, clusterBytes };
const context = { signal: new AbortController().signal, jobs: 2 };

let directory: string;
let cache: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-clusters-"));
  cache = join(directory, "clusters", "image");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function build(
  disk: Uint8Array,
  clusterCache: string | undefined,
  clusterSizeBytes = clusterBytes,
): Promise<string> {
  const path = join(directory, "image.qcow2");
  const request = { source: bytesSource(disk), outputs: [{ format: qcow2, path }], compress: true, clusterSizeBytes };
  await emitImage({ ...request, clusterCache }, context);
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

const disk = Buffer.concat([prose(MiB), noise(MiB / 4), new Uint8Array(MiB / 2), prose(MiB / 2, 9)]);

describe("the cache of compressed clusters", () => {
  test("with it and without it, first and again, the bytes are the same", async () => {
    const without = await build(disk, undefined);
    expect(await build(disk, cache)).toBe(without);
    const data = readFileSync(`${cache}.data`);
    expect(await build(disk, cache)).toBe(without);
    expect(readFileSync(`${cache}.data`).equals(data)).toBe(true);
    expect(readdirSync(join(directory, "clusters")).sort()).toEqual(["image.data", "image.index"]);
  });

  test("what it has is not compressed again", async () => {
    const honest = await build(disk, cache);
    // It says of all clusters that they do not become smaller: then they are stored as they are.
    const entries = decodeIndex(kind, readFileSync(`${cache}.index`)) as Uint8Array;
    const changed: Uint8Array[] = [];
    for (let at = 0; at < entries.length; at += indexEntryStruct.size) {
      const { digest } = indexEntryStruct.decode(entries, at);
      changed.push(indexEntryStruct.encode({ digest, lengthBytes: clusterBytes }));
    }
    writeFileSync(`${cache}.index`, encodeIndex(kind, changed));
    expect(await build(disk, cache)).not.toBe(honest);
    expect(statSync(join(directory, "image.qcow2")).size).toBeGreaterThan(1.7 * MiB);
  });

  test("of a disk that changed a little only the change is added", async () => {
    await build(disk, cache);
    const before = statSync(`${cache}.data`).size;
    const changed = Buffer.from(disk);
    changed.set(noise(100, 3), MiB / 2);
    const expected = await build(changed, undefined);
    expect(await build(changed, cache)).toBe(expected);
    const added = statSync(`${cache}.data`).size - before;
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThanOrEqual(clusterBytes);
    expect(await build(changed, cache)).toBe(expected);
  });

  test.each<[string, () => void]>([
    ["data with other bytes", () => writeFileSync(`${cache}.data`, readFileSync(`${cache}.data`).fill(7, 1000))],
    ["data cut short", () => truncateSync(`${cache}.data`, 5000)],
    ["no data", () => rmSync(`${cache}.data`)],
    ["an index cut short", () => truncateSync(`${cache}.index`, 1000)],
    [
      "an index with other bytes",
      () => writeFileSync(`${cache}.index`, readFileSync(`${cache}.index`).fill(7, 500, 510)),
    ],
    ["an empty index", () => truncateSync(`${cache}.index`, 0)],
    ["an index of another version", () => writeFileSync(`${cache}.index`, encodeIndex({ ...kind, method: "x" }, []))],
  ])("%s does no harm, and is repaired", async (_, damage) => {
    const expected = await build(disk, cache);
    const data = statSync(`${cache}.data`).size;
    damage();
    expect(await build(disk, cache)).toBe(expected);
    expect(await build(disk, cache)).toBe(expected);
    expect(statSync(`${cache}.data`).size).toBeLessThanOrEqual(2 * data);
  });

  test("clusters of another size are others", async () => {
    await build(disk, cache);
    expect(await build(disk, cache, 4096)).toBe(await build(disk, undefined, 4096));
  });

  test("what no build needs any more goes away", async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const bytes = noise(3 * MiB, seed).map((byte) => byte & 0x7f);
      await build(bytes, cache);
    }
    expect(statSync(`${cache}.data`).size).toBeGreaterThan(6 * MiB);
    for (const _ of [1, 2]) await build(disk, cache);
    expect(statSync(`${cache}.data`).size).toBeLessThan(MiB);
    expect(readdirSync(join(directory, "clusters")).sort()).toEqual(["image.data", "image.index"]);
  });

  test("where there can be no cache, builds go on", async () => {
    writeFileSync(join(directory, "file"), "");
    await build(disk, join(directory, "file", "image"));
    mkdirSync(`${cache}.data`, { recursive: true });
    await build(disk, cache);
    expect(existsSync(join(directory, "image.qcow2"))).toBe(true);
  });

  test("each image file has its own, wherever it is called from", () => {
    const at = (path: string) => clusterCachePath({ directories: { cache: "/c", data: "/d" } }, path);
    expect(at("out/a.qcow2")).toMatch(/^\/c\/clusters\/[0-9a-f]{32}$/);
    expect(at("out/a.qcow2")).toBe(at(join(process.cwd(), "out", "a.qcow2")));
    expect(at("out/a.qcow2")).not.toBe(at("out/b.qcow2"));
  });

  test("the compressor's version stands for its bytes: raise it in compressionVersions when they change", () => {
    const target = new Uint8Array(2 * clusterBytes);
    const deflater = new Deflater(clusterBytes, 4096);
    const hash = createHash("sha256");
    for (const input of [prose(clusterBytes), noise(clusterBytes), noise(clusterBytes).map((byte) => byte & 15)])
      hash.update(target.subarray(0, deflater.deflate(input, target)));
    expect([compressionVersions.zlib, hash.digest("hex").slice(0, 16)]).toEqual(["deflate 2", "7f20321f45640b39"]);
  });
});
