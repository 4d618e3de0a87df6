import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOracle } from "../oracles/run.ts";
import { type BuiltForBoot, buildForBoot, withDisk, withGuest } from "./boot.ts";
import { checkRoot, expectFull, GiB, readSizes } from "./grown-disk.ts";

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
              if (process.env["CLOUDIMG_FIGURES"])
                process.stderr.write(
                  `${printed()
                    .match(/cloudimg-init: (grow|ready): .*/g)
                    ?.join("\n")}\n`,
                );
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
        await checkRoot(diskFile);
      });
    });
  },
);

test("below an overlay, the partition that holds the changes fills the disk", { timeout: 300_000 }, async () => {
  const built = await buildForBoot(`extends: cloudimg:base
image: { name: grow }
disk: { partitionTable: hybrid, fileSystem: squashfs, squashfs: { overlay: data } }
`);
  try {
    await withGuest(
      built,
      async ({ run, console: printed }) => {
        const [, name = ""] = printed().match(/cloudimg-init: grow: (vda\d) to 10 GiB/) ?? [];
        expectFull(await readSizes(run, "/data"), { name, diskBytes: 10 * GiB });
        expect(await run("df -kP / | awk 'END {print ($2 > 9000000)}'")).toBe("1");
      },
      { machine: { diskSizeBytes: 10 * GiB } },
    );
  } finally {
    built.remove();
  }
});

async function resize(diskFile: string, sizeBytes: number): Promise<void> {
  const { status, output } = await runOracle("qemu-img", ["resize", diskFile, String(sizeBytes)]);
  expect(status, output).toBe(0);
}
