import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOracle } from "../oracles/run.ts";
import { type BuiltForBoot, buildForBoot, type Guest, withDisk, withGuest } from "./boot.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

const images = [
  { table: "universal", firmware: "bios", diskBus: "virtio", name: "vda1", sizes: [10, 100] },
  { table: "efi", firmware: "uefi", diskBus: "nvme", name: "nvme0n1p1", sizes: [10, 100] },
  { table: "legacy", firmware: "bios", diskBus: "nvme", name: "nvme0n1p1", sizes: [100] },
  { table: "hybrid", firmware: "bios", diskBus: "virtio", name: "vda1", sizes: [100] },
  { table: "legacy+gpt", firmware: "bios", diskBus: "scsi", name: "sda1", sizes: [10] },
] as const;

describe.each(images)(
  "$table by $firmware on $diskBus",
  { timeout: 300_000 },
  ({ table, firmware, diskBus, name, sizes }) => {
    let built: BuiltForBoot;
    beforeAll(async () => {
      built = await buildForBoot(`extends: cloudimg:base
image: { name: grow }
disk: { partitionTable: ${table} }
instance: { firmware: ${firmware} }
`);
    }, 120_000);
    afterAll(() => built?.remove());

    test(`fills a disk of ${sizes.join(" GiB, then of ")} GiB on first boot`, async () => {
      await withDisk(async (diskFile) => {
        for (const [index, size] of sizes.entries()) {
          if (index > 0) await resize(diskFile, size * GiB);
          const machine = { diskBus, diskFile, diskSizeBytes: size * GiB };
          await withGuest(
            built,
            async ({ run, console: printed }) => {
              expect(printed()).toMatch(new RegExp(`cloudimg-init: grow: ${name} to ${size} GiB \\(\\d+ ms\\)`));
              expectFull(await readSizes(run), { name, diskBytes: size * GiB });
              expect(await run("dmesg | grep -ci 'ext4-fs error' || true")).toBe("0");
            },
            { machine },
          );
        }
        if (table === "universal")
          await withGuest(
            built,
            async ({ console: printed }) => expect(printed()).not.toContain("cloudimg-init: grow"),
            {
              machine: { diskBus, diskFile },
            },
          );
        const checked = await checkRoot(diskFile);
        expect(checked.status, checked.output).toBe(0);
      });
    });
  },
);

async function resize(diskFile: string, sizeBytes: number): Promise<void> {
  const { status, output } = await runOracle("qemu-img", ["resize", diskFile, String(sizeBytes)]);
  expect(status, output).toBe(0);
}

/** What the guest says of its disk, its root partition and its root file system. */
async function readSizes(run: Guest["run"]) {
  const text = await run(
    "number=$(awk '$5 == \"/\" {print $3}' /proc/self/mountinfo | tail -n 1); at=$(readlink -f /sys/dev/block/$number); " +
      "cat $at/../size $at/start $at/size; df -kP / | awk 'END {print $2}'; basename $at",
  );
  const [disk = "", start = "", size = "", root = "", name = ""] = text.split("\n");
  return { name, diskBytes: +disk * 512, startBytes: +start * 512, sizeBytes: +size * 512, rootBytes: +root * 1024 };
}

function expectFull(sizes: Awaited<ReturnType<typeof readSizes>>, wanted: { name: string; diskBytes: number }): void {
  expect(sizes).toMatchObject(wanted);
  expect(sizes.diskBytes - sizes.startBytes - sizes.sizeBytes).toBeLessThan(2 * MiB);
  // A hundredth or two is ext4's own, and its journal.
  expect(sizes.rootBytes).toBeGreaterThan(sizes.sizeBytes * 0.97 - 128 * MiB);
}

/** e2fsck's opinion of the root file system, and the table's judges' of the table. */
async function checkRoot(diskFile: string): Promise<{ status: number; output: string }> {
  const raw = `${diskFile}.raw`;
  const converted = await runOracle("qemu-img", ["convert", "-O", "raw", diskFile, raw]);
  expect(converted.status, converted.output).toBe(0);
  const dump = await runOracle("sfdisk", ["--dump", raw]);
  if (/^label: gpt/m.test(dump.output))
    expect((await runOracle("sgdisk", ["-v", raw])).output).toContain("No problems found");
  const start = Number(dump.output.match(/raw1 : start= *(\d+)/)?.[1]);
  const place = `${raw}?offset=${start * 512}`;
  // What a machine that was switched off has in its journal, the next mount would do.
  await runOracle("e2fsck", ["-E", "journal_only", "-y", place]);
  return await runOracle("e2fsck", ["-fn", place]);
}
