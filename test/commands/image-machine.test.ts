import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fatWriter } from "../../src/build/filesystems/fat.ts";
import { partitionTables } from "../../src/build/partitions/registry.ts";
import { imageMachine } from "../../src/commands/image-machine.ts";
import { composeSource, readAll } from "../../src/core/byte-source.ts";
import { Tree } from "../../src/core/tree.ts";
import { runOracle } from "../oracles/run.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-machine-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const MiB = 1024 ** 2;

/** A disk with nothing but an EFI system partition, which a table of this kind names. */
async function espDisk(name: "mbr" | "gpt", bootCode?: Uint8Array): Promise<string> {
  const work = { signal: new AbortController().signal, jobs: 1 };
  const uuid = "0a1b2c3d-1111-8222-8333-444455556666";
  const contents = { tree: new Tree(), label: "EFI", uuid, seed: name, epochSeconds: 0, size: { freeBytes: MiB } };
  const { source } = await fatWriter().plan(contents, work);
  const sizeBytes = Math.ceil(source.sizeBytes / MiB) * MiB;
  const diskSizeBytes = sizeBytes + 2 * MiB;
  const esp = { number: 1, startBytes: MiB, sizeBytes, kind: "esp", bootable: false, name: "esp" } as const;
  const table = partitionTables[name].plan({ diskSizeBytes, partitions: [esp], seed: name, bootCode });
  const path = join(directory, `${name}${bootCode === undefined ? "" : "-code"}.raw`);
  writeFileSync(path, readAll(composeSource(diskSizeBytes, [...table, { offsetBytes: MiB, source }])));
  return path;
}

test.each(["mbr", "gpt"] as const)("a disk with only an EFI system partition wants UEFI (%s)", async (name) => {
  expect(imageMachine(await espDisk(name))).toEqual({ firmware: "uefi", bootFrom: "disk" });
  const code = Uint8Array.of(0xfa, 0xf4, 0xeb, 0xfd);
  expect(imageMachine(await espDisk(name, code))).toEqual({ firmware: "bios", bootFrom: "disk" });
});

test("an ISO without code for disks is a CD", async () => {
  const path = join(directory, "cd.iso");
  writeFileSync(join(directory, "file"), "content");
  expect((await runOracle("xorriso", ["-as", "mkisofs", "-quiet", "-o", path, join(directory, "file")])).status).toBe(
    0,
  );
  expect(imageMachine(path)).toEqual({ firmware: "bios", bootFrom: "cdrom" });
});

test("of what is no image, whoever starts it says so", () => {
  const path = join(directory, "text");
  writeFileSync(path, "nothing of the kind\n");
  expect(imageMachine(path)).toEqual({ firmware: "bios", bootFrom: "disk" });
});
