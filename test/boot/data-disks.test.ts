import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltForBoot, buildForBoot, type Guest, withDisk, withGuest } from "./boot.ts";
import { GiB, readSizes } from "./grown-disk.ts";

const MiB = 1024 ** 2;

const userData = `#cloud-config
bootcmd: ['echo x >>/var/boots; echo "boot number $(wc -l </var/boots)" >/dev/console']
growpart: { mode: off }
disk_setup:
  /dev/vdb: { table_type: gpt, layout: [50, [50, 82]] }
  vdc: { layout: true }
fs_setup:
  - { device: /dev/vdb, partition: 1, filesystem: ext4, label: data }
  - { device: /dev/vdb, partition: auto, filesystem: swap }
mounts:
  - [vdb1, /srv/my data]
  - [vdb2, none, swap, sw]
  - [ephemeral0, /mnt]
swap: { filename: /swap.img, size: 16M }
`;

let built: BuiltForBoot;
beforeAll(async () => {
  built = await buildForBoot("extends: cloudimg:base\nimage: { name: data }\ndisk: { additionalSpace: 64MiB }\n");
}, 120_000);
afterAll(() => built?.remove());

test("user data partitions, formats and mounts further disks, swaps, and leaves the root and other data as they are", {
  timeout: 240_000,
}, async () => {
  await withDisk(async (diskFile) => {
    const blank = join(diskFile, "../blank.raw");
    const used = join(diskFile, "../used.raw");
    writeFileSync(blank, "");
    truncateSync(blank, 256 * MiB);
    writeFileSync(used, "mine".repeat(128));
    truncateSync(used, 64 * MiB);
    const extraDisks = [blank, used].map((path) => ({ path, writable: true }));
    await withGuest(
      built,
      async (guest) => {
        const { run } = guest;
        await seen(run);
        await run("echo kept >'/srv/my data/file' && sync");
        expect(guest.console()).toMatch(/cloudimg-init: disk_setup: vdb gpt of 2, vdb1 ext2 data, vdb2 swap/);
        expect(guest.console()).toContain("disk_setup of vdc: it holds data");
        await run("(sleep 1; reboot) >/dev/null 2>&1 &");
        await guest.line(/boot number 2/);
        await seen(run);
        expect(await run("cat '/srv/my data/file'; grep -c comment=cloudconfig /etc/fstab")).toBe("kept\n3");
        expect(guest.console()).not.toContain("vda1 to");
      },
      {
        configDrive: (config) => ({ ...config, userData }),
        machine: { diskFile, diskSizeBytes: 2 * GiB, extraDisks, mayReboot: true },
      },
    );
  });
});

test("the system's own disk is not touched, not even below an overlay, where no list has it", {
  timeout: 240_000,
}, async () => {
  const image = await buildForBoot("extends: cloudimg:base\nimage: { name: live }\ndisk: { fileSystem: squashfs }\n");
  const wish = `#cloud-config
disk_setup: { vda: { layout: true, overwrite: true } }
fs_setup: [{ device: vda1, filesystem: vfat, overwrite: true }]
`;
  try {
    await withGuest(
      image,
      async ({ run, console: printed }) => {
        expect(printed()).toContain("disk_setup of vda: it is in use: it stays as it is");
        expect(printed()).toMatch(/fs_setup of vda1: .*in use: it stays as it is/);
        expect(await run("for device in /dev/vda?; do head -c 4 $device; done | grep -ac hsqs")).toBe("1");
        expect(await run("md5sum /usr/bin/busybox /usr/bin/qjs | wc -l; dmesg | grep -ci squashfs.error || true")).toBe(
          "2\n0",
        );
      },
      { configDrive: (config) => ({ ...config, userData: wish }) },
    );
  } finally {
    image.remove();
  }
});

async function seen(run: Guest["run"]): Promise<void> {
  expect(await run("awk '$2 ~ /srv/ {print $1, $2, $3}' /proc/mounts")).toMatch(
    /^\/dev\/vdb1 \/srv\/my\\040data ext[24]$/,
  );
  expect(await run("awk 'NR > 1 {print $1, $3}' /proc/swaps | sort")).toBe("/dev/vdb2 129020\n/swap.img 16380");
  const others = "ls -d /sys/class/block/vdc?* 2>/dev/null || echo none";
  expect(await run(`stat -c %a /swap.img; head -c 4 /dev/vdc; ${others}`)).toBe("600\nminenone");
  const { sizeBytes, rootBytes } = await readSizes(run);
  expect(Math.max(sizeBytes, rootBytes)).toBeLessThan(GiB);
}
