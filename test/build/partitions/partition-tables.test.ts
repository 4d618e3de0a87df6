import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { gpt } from "../../../src/build/partitions/gpt.ts";
import { mbr } from "../../../src/build/partitions/mbr.ts";
import type { PlannedPartition } from "../../../src/build/partitions/partition-table.ts";
import { readPartitionTable } from "../../../src/build/partitions/registry.ts";
import { type ByteSource, bytesSource, fileSource, readAll } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { oracle } from "../../oracles/tools.ts";
import { writeImage } from "../filesystems/images.ts";
import { diskSizeBytes, diskWith, partitionTableContract, twoPartitions } from "./partition-table-contract.ts";

const MiB = 1024 ** 2;
const directory = mkdtempSync(join(tmpdir(), "cloudimg-tables-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string) => join(directory, name);

describe("mbr", () => partitionTableContract(mbr));
describe("gpt", () => partitionTableContract(gpt));

/** A table that sfdisk made from its script. */
async function madeBySfdisk(name: string, script: string): Promise<ByteSource> {
  writeFileSync(at(name), "");
  truncateSync(at(name), diskSizeBytes);
  const [program = "", ...args] = await oracle("sfdisk");
  const done = spawnSync(program, [...args, "--quiet", at(name)], { input: script, encoding: "utf8" });
  expect(done.status, done.stderr).toBe(0);
  return fileSource(openSync(at(name), "r"));
}

describe("GPT, judged by others", () => {
  const more: readonly PlannedPartition[] = [
    ...twoPartitions.map((partition) => ({ ...partition, guid: "01234567-89ab-8def-8123-456789abcdef" })).slice(0, 1),
    { number: 14, startBytes: MiB, sizeBytes: MiB, kind: "bios-boot", bootable: false, name: "bios" },
    { number: 15, startBytes: 2 * MiB, sizeBytes: 33 * MiB, kind: "esp", bootable: false, name: "EFI system" },
  ];

  test("sgdisk and sfdisk find no problem and the same partitions", async () => {
    await writeImage(diskWith(gpt, more), at("gpt"));
    const verified = await runOracle("sgdisk", ["-v", at("gpt")]);
    expect(verified.output).toContain("No problems found");
    expect(await runOracle("sfdisk", ["--verify", at("gpt")])).toMatchObject({ status: 0 });
    const { partitiontable } = JSON.parse((await runOracle("sfdisk", ["--json", at("gpt")])).output);
    const read = gpt.read(diskWith(gpt, more));
    expect(partitiontable).toMatchObject({ label: "gpt", id: read?.id.toUpperCase(), firstlba: 34, lastlba: 131038 });
    expect(
      partitiontable.partitions.map((entry: Record<string, unknown>) => [
        entry["start"],
        entry["size"],
        entry["type"],
        entry["uuid"],
        entry["name"],
      ]),
    ).toEqual(
      read?.partitions.map(({ startBytes, sizeBytes, type, id, name }) => [
        startBytes / 512,
        sizeBytes / 512,
        type.toUpperCase(),
        id.toUpperCase(),
        name,
      ]),
    );
    expect(read?.partitions[0]?.id).toBe("01234567-89ab-8def-8123-456789abcdef");
  });

  test("the primary copy is lost: the backup is read, and it is said", () => {
    const bytes = readAll(diskWith(gpt, more));
    bytes.fill(0, 512, 1024);
    expect(gpt.read(bytesSource(bytes))).toMatchObject({
      partitions: [{ number: 1 }, { number: 14 }, { number: 15 }],
      problems: ["the primary GPT is missing"],
    });
    bytes.set(new TextEncoder().encode("EFI PART"), 512);
    expect(gpt.read(bytesSource(bytes))?.problems[0]).toMatch(/primary GPT is damaged/);
  });

  test("a disk that has grown is read, and it is said", () => {
    const bytes = new Uint8Array(diskSizeBytes + MiB);
    bytes.set(readAll(diskWith(gpt, more)));
    expect(gpt.read(bytesSource(bytes))?.problems).toEqual([
      "the backup GPT is not at the end of the disk: the disk has grown",
    ]);
  });
});

describe("tables made by sfdisk", () => {
  test("MBR with logical partitions", async () => {
    const disk = await madeBySfdisk(
      "logical",
      "label: dos\nlabel-id: 0x1234abcd\nstart=2048,size=4096,type=83,bootable\nstart=8192,type=5\nstart=10240,size=2048,type=82\nstart=14336,size=2048,type=83\n",
    );
    expect(readPartitionTable(disk)).toEqual({
      name: "mbr",
      id: "1234abcd",
      problems: [],
      partitions: [
        {
          number: 1,
          startBytes: 2048 * 512,
          sizeBytes: 4096 * 512,
          type: "0x83",
          kind: "linux",
          bootable: true,
          name: "",
          id: "1234abcd-01",
        },
        {
          number: 2,
          startBytes: 8192 * 512,
          sizeBytes: diskSizeBytes - 8192 * 512,
          type: "0x05",
          kind: undefined,
          bootable: false,
          name: "",
          id: "1234abcd-02",
        },
        {
          number: 5,
          startBytes: 10240 * 512,
          sizeBytes: 2048 * 512,
          type: "0x82",
          kind: "swap",
          bootable: false,
          name: "",
          id: "1234abcd-05",
        },
        {
          number: 6,
          startBytes: 14336 * 512,
          sizeBytes: 2048 * 512,
          type: "0x83",
          kind: "linux",
          bootable: false,
          name: "",
          id: "1234abcd-06",
        },
      ],
    });
  });

  test("GPT", async () => {
    const disk = await madeBySfdisk("their-gpt", 'label: gpt\nsize=8MiB,type=U,name="Étape"\nsize=8MiB,type=L\n');
    expect(readPartitionTable(disk)).toMatchObject({
      name: "gpt",
      problems: [],
      partitions: [
        { number: 1, startBytes: MiB, sizeBytes: 8 * MiB, kind: "esp", name: "Étape" },
        { number: 2, startBytes: 9 * MiB, sizeBytes: 8 * MiB, kind: "linux" },
      ],
    });
  });
});
