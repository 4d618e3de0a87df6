import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { vdi } from "../../../src/build/disk-formats/vdi.ts";
import { headerStruct } from "../../../src/build/disk-formats/vdi-format.ts";
import { bytesSource, composeSource, zeroSource } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { describeDiskFormat } from "./disk-format-contract.ts";
import { noise, prose } from "./disks.ts";
import { writeImage } from "./sinks.ts";

const MiB = 1024 ** 2;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-vdi-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describeDiskFormat(vdi, {
  qemuName: "vdi",
  variants: [{ name: "dynamic", compress: false, clusterSizeBytes: 65536 }],
  async inspect(path) {
    // Counts the stored blocks, and compares with what the header says.
    const { status, output } = await runOracle("qemu-img", ["check", path]);
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining("No errors were found") });
  },
});

describe("vdi", () => {
  const path = () => join(directory, "image.vdi");

  test("blocks of zeros are not stored, and are not counted", async () => {
    const source = composeSource(20 * MiB, [
      { offsetBytes: 5 * MiB + 100, source: bytesSource(noise(100)) },
      { offsetBytes: 8 * MiB, source: bytesSource(new Uint8Array(6 * MiB)) },
    ]);
    const file = readFileSync(await writeImage(vdi, source, path()));
    expect(headerStruct.decode(file)).toMatchObject({ blocksInImage: 20, blocksAllocated: 1, blockSize: MiB });
    expect(file.length).toBe(4096 + MiB);
  });

  test("ids derive from the disk; there is no parent", async () => {
    const read = async (sizeBytes: number) =>
      headerStruct.decode(readFileSync(await writeImage(vdi, bytesSource(prose(sizeBytes)), path())));
    const [a, same, b] = [await read(MiB), await read(MiB), await read(2 * MiB)];
    expect(same.imageUuid).toEqual(a.imageUuid);
    expect(b.imageUuid).not.toEqual(a.imageUuid);
    expect(a.lastSnapshotUuid).not.toEqual(a.imageUuid);
    expect([...a.linkUuid, ...a.parentUuid]).toEqual(new Array(32).fill(0));
  });

  test("a disk of 2 TiB is that size, in a file of its map", async () => {
    await writeImage(vdi, zeroSource(2 * MiB * MiB), path());
    const { output } = await runOracle("qemu-img", ["info", "--output=json", path()]);
    expect(JSON.parse(output)).toMatchObject({ format: "vdi", "virtual-size": 2 * MiB * MiB, "cluster-size": MiB });
    expect(statSync(path()).size).toBeLessThan(9 * MiB);
  });

  test.each([
    [0, "1MiB"],
    [MiB + 1, "2MiB"],
    [1024 ** 5, "qcow2"],
  ])("a disk of %d bytes is refused with what would do", async (sizeBytes, hint) => {
    await expect(writeImage(vdi, zeroSource(sizeBytes), path())).rejects.toMatchObject({
      problems: [{ code: "image/unsupported", hint: expect.stringContaining(hint) }],
    });
  });
});
