import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readPartitionTable } from "../../../src/build/partitions/registry.ts";
import { fileSource } from "../../../src/core/byte-source.ts";
import { bundleForQuickjs } from "../../../src/guest-config/bundle.ts";
import { planTable } from "../../../src/guest-config/disk/table.ts";
import { oracle } from "../../oracles/tools.ts";
import { builtDisk, GiB } from "./built-disk.ts";
import { changes, mutate } from "./mutations.ts";

test("QuickJS plans and writes tables as Node does", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-grow-qjs-"));
  try {
    const program = join(directory, "plan.js");
    writeFileSync(program, await bundleForQuickjs(fileURLToPath(new URL("plan-for-quickjs.ts", import.meta.url))));
    const mutations = fc.sample(fc.tuple(fc.constantFrom("mbr" as const, "gpt" as const), changes, fc.boolean()), {
      numRuns: 60,
      seed: 5,
    });
    const disks = [builtDisk("mbr", 10 * GiB), builtDisk("gpt", 10 * GiB)];
    for (const [table, list, isSealed] of mutations) {
      const disk = builtDisk(table, 10 * GiB);
      mutate(disk, list, isSealed);
      disks.push(disk);
    }
    const paths = disks.map((disk, index) => {
      const path = join(directory, `${index}.raw`);
      disk.save(path);
      return path;
    });
    const [qjs = "", ...first] = await oracle("qjs");
    const { stdout, stderr } = spawnSync(qjs, [...first, "-m", program, String(10 * GiB), "71680", ...paths], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    const expected = disks.map((disk) => {
      const plan = planTable(disk.sectors(512), { number: 1, startLba: 71680 });
      return JSON.stringify("reason" in plan ? plan : plan.writes.map(({ lba, bytes }) => [lba, crc32(bytes)]));
    });
    expect(stdout.trimEnd().split("\n")).toEqual(expected);
    for (const path of paths.slice(0, 2)) {
      const fd = openSync(path, "r");
      const read = readPartitionTable(fileSource(fd));
      closeSync(fd);
      expect(read?.problems).toEqual([]);
      expect(read?.partitions[0]?.sizeBytes).toBeGreaterThan(9 * GiB);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
