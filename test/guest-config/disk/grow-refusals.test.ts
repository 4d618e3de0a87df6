import { expect, test } from "vitest";
import type { PlannedPartition } from "../../../src/build/partitions/partition-table.ts";
import { readPartitionTable } from "../../../src/build/partitions/registry.ts";
import { planTable } from "../../../src/guest-config/disk/table.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import type { JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { growpart, readGrowSettings } from "../../../src/guest-config/user-data/growpart.ts";
import { nodeHost } from "../node-host.ts";
import { builtBytes, builtDisk, GiB, grow, MiB, twoPartitions } from "./built-disk.ts";
import { fakeGuest, superblock } from "./fake-guest.ts";
import { someTask } from "./some-task.ts";
import { type SparseDisk, sparseDisk } from "./sparse-disk.ts";

const swapBehind: readonly PlannedPartition[] = [
  { number: 1, startBytes: MiB, sizeBytes: 60 * MiB, kind: "linux", bootable: true, name: "root" },
  { number: 2, startBytes: 61 * MiB, sizeBytes: 8 * MiB, kind: "swap", bootable: false, name: "swap" },
];

function changed(disk: SparseDisk, offsetBytes: number, change: (sector: Uint8Array) => void): SparseDisk {
  const sector = new Uint8Array(512);
  disk.read(sector, offsetBytes);
  change(sector);
  disk.write(offsetBytes, sector);
  return disk;
}

test.each(["mbr", "gpt"] as const)("%s: a partition behind the root keeps it as it is", (table) => {
  const result = grow(builtDisk(table, 10 * GiB, swapBehind));
  expect(result).toMatchObject({ said: "vda1 stays as it is: partition 2 lies behind it", problems: [], started: [] });
  expect(result.writes()).toBe(0);
});

test("an MBR reaches 2 TiB and says so, at each boot without starting anything", () => {
  const disk = builtDisk("mbr", 3 * 1024 * GiB);
  expect(grow(disk)).toMatchObject({
    said: "vda1 to 2048 GiB, vda1 no further: an MBR has no more than 2 TiB",
    problems: [],
  });
  expect(readPartitionTable(disk)?.partitions[0]?.sizeBytes).toBe(2 ** 41 - 35 * MiB);
  expect(grow(disk)).toMatchObject({
    said: "vda1 stays as it is: an MBR has no more than 2 TiB",
    problems: [],
    started: [],
  });
});

test("a GPT goes beyond 2 TiB", () => {
  const disk = builtDisk("gpt", 3 * 1024 * GiB);
  expect(grow(disk)).toMatchObject({ said: "vda1 to 3072 GiB", problems: [] });
  expect(readPartitionTable(disk)).toMatchObject({
    problems: [],
    partitions: [{ sizeBytes: 3 * 1024 * GiB - 36 * MiB }, {}],
  });
});

test("a read-only root, LVM and an unknown file system are left alone", () => {
  const readOnly = grow(builtDisk("mbr", 10 * GiB), { mounts: ["21 1 %p1 / / ro,relatime - ext4 /dev/root ro"] });
  expect(readOnly).toMatchObject({
    isNeeded: false,
    said: "vda1 stays as it is: it is mounted read-only",
    started: [],
  });
  expect(readOnly.writes()).toBe(0);
  const lost = grow(builtDisk("mbr", 10 * GiB), { mounts: ["21 1 0:30 / / rw - tmpfs none rw"] });
  expect(lost).toMatchObject({ isNeeded: false, said: undefined, problems: [], started: [] });
  const named = grow(builtDisk("mbr", 10 * GiB), {}, { devices: ["/nowhere", "vdz9", "/dev/../etc"] });
  expect(named.problems).toHaveLength(3);
  expect(named.writes()).toBe(0);
});

test("below an overlay, the partition of the changes grows", () => {
  const mounts = [
    "20 1 0:20 / / rw,relatime - overlay overlay rw,lowerdir=/lower",
    "21 20 0:5 / /dev rw,nosuid - devtmpfs dev rw",
    "22 20 %p1 / /data rw,relatime - ext4 /dev/vda1 rw",
  ];
  expect(grow(builtDisk("mbr", 10 * GiB), { mounts })).toMatchObject({
    isNeeded: true,
    said: "vda1 to 10 GiB",
    problems: [],
  });
});

test("a disk without partitions: only the file system grows", () => {
  const disk = sparseDisk(10 * GiB);
  disk.write(1024, superblock(64 * MiB));
  const { said, problems, started } = grow(disk, { mounts: ["21 1 254:0 / / rw - ext4 /dev/root rw"] });
  expect({ said, problems, started }).toEqual({
    said: "file system of vda to 10 GiB",
    problems: [],
    started: ["resize2fs /dev/vda"],
  });
});

test("an image without resizepart gets the rest at its next boot", () => {
  const disk = builtDisk("gpt", 10 * GiB);
  const first = grow(disk, { programs: { resizepart: 127 } });
  expect(first.problems).toEqual(["vda1 cannot become larger: the kernel takes its new size at the next boot only"]);
  expect(grow(disk, { programs: { resizepart: 127 } })).toMatchObject({
    said: "file system of vda1 to 10 GiB",
    problems: [],
  });
});

test("resize2fs that is missing, fails or takes long", () => {
  const missing = grow(builtDisk("mbr", 10 * GiB), { programs: { resize2fs: 127 } });
  expect(missing.problems).toEqual(["the file system of vda1 cannot become larger: this image has no resize2fs"]);
  const failing = grow(builtDisk("mbr", 10 * GiB), { programs: { resize2fs: 1 } });
  expect(failing.problems[0]).toMatch(/^the file system of vda1 cannot become larger: resize2fs ended with 1/);
  const slow = grow(builtDisk("mbr", 10 * GiB), { programs: { resize2fs: undefined } });
  expect(slow).toMatchObject({ said: "vda1 to 10 GiB, its file system still grows, in the background", problems: [] });
  const noblock = grow(
    builtDisk("mbr", 10 * GiB),
    { programs: { resize2fs: undefined } },
    { growsFileSystem: "noblock" },
  );
  expect(noblock).toMatchObject({ said: "vda1 to 10 GiB, its file system grows in the background", problems: [] });
});

test("what is not wanted is not done", () => {
  const noTable = grow(builtDisk("mbr", 10 * GiB), {}, { growsPartition: false });
  expect(noTable).toMatchObject({ said: undefined, started: [] });
  const noFileSystem = grow(builtDisk("mbr", 10 * GiB), {}, { growsFileSystem: false });
  expect(noFileSystem.said).toBe("vda1 to 10 GiB");
  expect(noFileSystem.started).toHaveLength(1);
});

test("a GPT with a damaged backup grows, one whose entries or header are damaged does not", () => {
  const disk = builtDisk("gpt", builtBytes);
  changed(disk, builtBytes - 512, (sector) => sector.fill(7));
  expect(grow(disk.resized(10 * GiB))).toMatchObject({ said: "vda1 to 10 GiB", problems: [] });
  for (const offset of [512, 1024]) {
    const damaged = changed(builtDisk("gpt", 10 * GiB), offset, (sector) => (sector[40] = (sector[40] ?? 0) ^ 1));
    expect(planTable(damaged.sectors(512), { number: 1, startLba: 71680 })).toEqual({
      reason: "its disk's GPT is damaged",
      isProblem: true,
    });
  }
});

test("a hybrid MBR shows the new size too", () => {
  const disk = builtDisk("gpt", 10 * GiB);
  changed(disk, 0, (sector) => {
    const view = new DataView(sector.buffer);
    view.setUint32(446 + 12, 71679, true);
    sector.set([0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff], 462);
    view.setUint32(462 + 8, 71680, true);
    view.setUint32(462 + 12, (60 * MiB) / 512, true);
  });
  expect(grow(disk).said).toBe("vda1 to 10 GiB");
  const sector = new Uint8Array(512);
  disk.read(sector, 0);
  const view = new DataView(sector.buffer);
  expect([view.getUint32(446 + 12, true), view.getUint32(462 + 12, true)]).toEqual([
    71679,
    (10 * GiB - 36 * MiB) / 512,
  ]);
});

test("a partition of a disk whose table is another than the kernel's is left alone", () => {
  for (const table of ["mbr", "gpt"] as const) {
    const disk = builtDisk(table, 10 * GiB).sectors(512);
    expect(planTable(disk, { number: 1, startLba: 4096 })).toMatchObject({ isProblem: true });
    expect(planTable(disk, { number: 3, startLba: 71680 })).toMatchObject({ isProblem: true });
    expect(planTable(disk, { number: 300, startLba: 71680 })).toHaveProperty("reason");
  }
  expect(planTable(sparseDisk(10 * GiB).sectors(512), { number: 1, startLba: 2048 })).toMatchObject({
    isProblem: true,
  });
});

test("the partition that the kernel calls the root grows, not the first one", () => {
  const swapped = twoPartitions.map((partition) => ({ ...partition, number: 3 - partition.number }));
  const disk = builtDisk("mbr", 10 * GiB, swapped);
  expect(grow(disk, { mounts: ["21 1 %p2 / / rw - ext4 /dev/root rw"] }).said).toBe("vda2 to 10 GiB");
});

test("with user data that does not speak of it, the root grows at each boot that finds room", () => {
  const disk = builtDisk("gpt", 10 * GiB);
  const run = (config: JsonObject) => {
    const { host, started } = fakeGuest(disk);
    const { task, problems } = someTask(host);
    return { said: growpart.run(config, task), problems, started: started.length };
  };
  expect(run({ growpart: { mode: "off" }, resize_rootfs: false })).toEqual({
    said: undefined,
    problems: [],
    started: 0,
  });
  expect(run({})).toEqual({ said: "vda1 to 10 GiB", problems: [], started: 2 });
  expect(run({})).toEqual({ said: undefined, problems: [], started: 0 });
  expect(run({ growpart: { devices: ["/", "vda1", "/dev/vda2", "/nowhere"] } })).toEqual({
    said: undefined,
    problems: ["/nowhere is neither a block device nor mounted from one"],
    started: 0,
  });
});

test("growpart and resize_rootfs of cloud-config", () => {
  const read = (config: Record<string, unknown>, host: Host = nodeHost("/nowhere")) => {
    const problems: string[] = [];
    return { ...readGrowSettings(host, config, (text) => problems.push(text)), problems };
  };
  const all = { growsPartition: true, devices: ["/"], growsFileSystem: true, problems: [] };
  expect(read({})).toEqual(all);
  expect(read({ growpart: null, resize_rootfs: null })).toEqual(all);
  expect(read({ growpart: { mode: "off" } })).toEqual({ ...all, growsPartition: false });
  expect(read({ growpart: { mode: false }, resize_rootfs: false })).toEqual({
    ...all,
    growsPartition: false,
    growsFileSystem: false,
  });
  expect(read({ growpart: { mode: "gpart", devices: ["/", "/dev/vdb1"] } })).toEqual({
    ...all,
    devices: ["/", "/dev/vdb1"],
  });
  expect(read({ resize_rootfs: "noblock" })).toEqual({ ...all, growsFileSystem: "noblock" });
  expect(read({ growpart: "yes", resize_rootfs: [1] }).problems).toHaveLength(2);
  expect(read({ growpart: { mode: "never", devices: 7 } }).problems).toHaveLength(2);
  const disabled = {
    ...nodeHost("/nowhere"),
    attributes: () => ({ kind: "file", mode: 0o644, uid: 0, gid: 0, sizeBytes: 0 }) as const,
  };
  expect(read({}, disabled).growsPartition).toBe(false);
  expect(read({ growpart: { ignore_growroot_disabled: true } }, disabled).growsPartition).toBe(true);
});
