import { copyFileSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";
import type { Sectors } from "../../src/guest-config/disk/sectors.ts";
import { planTable } from "../../src/guest-config/disk/table.ts";
import { openDiskImage } from "../../src/machine/disk-image.ts";
import { type BuiltForBoot, buildForBoot, withDisk, withMachine } from "./boot.ts";
import { checkRoot, expectFull, GiB, readSizes } from "./grown-disk.ts";

/** Dies as by a power failure, the first time that it comes here with a disk of 100 GiB. */
const die = `die() {
  [ "$(cat /sys/class/block/vda/size)" = ${(100 * GiB) / 512} ] || return
  [ -e "/died-$1" ] && return
  touch "/died-$1"
  sync
  echo "power failure $1, $(stat -f -c %b /) blocks" >/dev/console
  echo b >/proc/sysrq-trigger
  sleep 60
}
`;

const wrappers = {
  "/usr/sbin/resizepart": `#!/bin/sh\n${die}die before-kernel\nexec /usr/bin/resizepart "$@"\n`,
  "/usr/sbin/resize2fs": `#!/bin/sh
${die}die before-resize2fs
[ ! -e /died-before-resize2fs ] || [ -e /died-amid-resize2fs ] && exec /usr/lib/real/resize2fs "$@"
before=$(stat -f -c %b /)
/usr/lib/real/resize2fs "$@" &
while [ "$(stat -f -c %b /)" = "$before" ]; do :; done
die amid-resize2fs
`,
};

describe("a machine whose power fails while it grows", { timeout: 300_000 }, () => {
  let built: BuiltForBoot;
  beforeAll(async () => {
    const tools = await obtainTools(
      ["e2fsprogs"],
      createContext(() => {}, new AbortController().signal, undefined),
    );
    const program = tools.command("resize2fs").at(-1);
    const files = Object.entries(wrappers).map(
      ([target, content]) =>
        `  - { target: ${target}, mode: "0755", replace: true, content: ${JSON.stringify(content)} }\n`,
    );
    built = await buildForBoot(`extends: cloudimg:base
image: { name: crash }
disk: { partitionTable: efi }
instance: { firmware: uefi }
output: { formats: [raw] }
files:
  - { target: /usr/lib/real/resize2fs, mode: "0755", source: ${JSON.stringify(program)} }
${files.join("")}`);
  }, 120_000);
  afterAll(() => built?.remove());

  test("at each step, goes on at the next boot, and nothing is lost", async () => {
    await withDisk(async (diskFile) => {
      const machine = { diskFile, diskSizeBytes: 100 * GiB, mayReboot: true };
      await withMachine(
        built,
        async ({ ready, run, console: printed }) => {
          await ready();
          expect(printed().match(/power failure \S+/g)).toEqual([
            "power failure before-kernel,",
            "power failure before-resize2fs,",
            "power failure amid-resize2fs,",
          ]);
          expect(printed()).toContain("cloudimg-init: grow: file system of vda1 to 100 GiB");
          expectFull(await readSizes(run), { name: "vda1", diskBytes: 100 * GiB });
          expect(await run("dmesg | grep -ci 'ext4-fs error' || true")).toBe("0");
          await run("sync; mount -o remount,ro / || true");
        },
        { machine },
      );
      await checkRoot(diskFile);
    });
  });

  test("in the middle of changing the GPT, boots by the table that is half changed, and completes it", async () => {
    await withDisk(async (diskFile) => {
      const path = built.files[0]?.path ?? "";
      const disk = join(diskFile, "../half.raw");
      copyFileSync(path, disk);
      changeHalf(disk, 10 * GiB);
      const machine = { diskFile, image: disk, disk: openDiskImage(disk), mayReboot: true, diskSizeBytes: 10 * GiB };
      await withMachine(
        built,
        async ({ ready, run }) => {
          await ready();
          expectFull(await readSizes(run), { name: "vda1", diskBytes: 10 * GiB });
        },
        { machine },
      );
      await checkRoot(diskFile);
    });
  });
});

/** What is on the disk when the power fails once the header points at the entries at the end, and those in front are half written. */
function changeHalf(path: string, sizeBytes: number): void {
  const fd = openSync(path, "r+");
  ftruncateSync(fd, sizeBytes);
  const disk: Sectors = {
    sectorBytes: 512,
    count: sizeBytes / 512,
    read(lba, count) {
      const bytes = new Uint8Array(count * 512);
      readSync(fd, bytes, 0, bytes.length, lba * 512);
      return bytes;
    },
  };
  const startLba = new DataView((disk.read(2, 1) as Uint8Array).buffer).getUint32(32, true);
  const plan = planTable(disk, { number: 1, startLba });
  if ("reason" in plan) throw new Error(plan.reason);
  expect(plan.writes.map(({ lba }) => lba)).toEqual([disk.count - 33, disk.count - 1, 1, 2, 1, 0]);
  for (const { lba, bytes } of plan.writes.slice(0, 3)) writeSync(fd, bytes, 0, bytes.length, lba * 512);
  writeSync(fd, new Uint8Array(512).fill(0xff), 0, 512, 2 * 512);
}
