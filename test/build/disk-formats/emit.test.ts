import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { emitImage } from "../../../src/build/disk-formats/emit.ts";
import { diskFormats } from "../../../src/build/disk-formats/registry.ts";
import { type ByteSource, readAll } from "../../../src/core/byte-source.ts";
import { disks } from "./disks.ts";

const context = { signal: new AbortController().signal, jobs: 2 };
const options = { compress: true, clusterSizeBytes: 65536 };
const { raw, qcow2 } = diskFormats;
const mixed = disks["text, noise, zeros and holes in turns, not aligned"] as () => ByteSource;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-emit-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("emitImage", () => {
  test("the identity is the raw disk's SHA-256, whatever is written", async () => {
    const source = mixed();
    const expected = createHash("sha256").update(readAll(source)).digest("hex");
    const rawPath = join(directory, "a.raw");
    for (const outputs of [[], [{ format: raw, path: rawPath }], [{ format: qcow2, path: join(directory, "a") }]])
      expect((await emitImage({ source, outputs, ...options }, context)).rawSha256).toBe(expected);
    expect(createHash("sha256").update(readFileSync(rawPath)).digest("hex")).toBe(expected);
  });

  test("says what it wrote, and reads the source once for all of it", async () => {
    const source = mixed();
    let readBytes = 0;
    const counted: ByteSource = {
      ...source,
      read(target, offsetBytes) {
        readBytes += target.length;
        source.read(target, offsetBytes);
      },
    };
    const outputs = [
      { format: raw, path: join(directory, "a.raw") },
      { format: qcow2, path: join(directory, "a.qcow2") },
    ];
    const { files } = await emitImage({ source: counted, outputs, ...options }, context);
    const sizes = outputs.map(({ path }) => statSync(path).size);
    expect(files).toEqual(
      outputs.map(({ format, path }, index) => ({ path, format: format.name, sizeBytes: sizes[index] })),
    );
    expect(readBytes).toBeLessThanOrEqual(source.sizeBytes);
  });

  test("when one format cannot, none is written", async () => {
    const outputs = [
      { format: raw, path: join(directory, "a.raw") },
      { format: qcow2, path: join(directory, "a.qcow2") },
    ];
    await expect(
      emitImage({ source: mixed(), outputs, compress: true, clusterSizeBytes: 1000 }, context),
    ).rejects.toThrow();
    expect(readdirSync(directory)).toEqual([]);
  });

  test("an error while reading is passed on and leaves nothing", async () => {
    const source: ByteSource = {
      ...mixed(),
      read() {
        throw new Error("the file became shorter while it was read");
      },
    };
    const outputs = [{ format: qcow2, path: join(directory, "a.qcow2") }];
    await expect(emitImage({ source, outputs, ...options }, context)).rejects.toThrow("became shorter");
    expect(readdirSync(directory)).toEqual([]);
  });
});
