import type { PlannedPartition } from "../../../src/build/partitions/partition-table.ts";
import { partitionTables } from "../../../src/build/partitions/registry.ts";
import { growDisk } from "../../../src/guest-config/disk/grow.ts";
import { needsGrowth } from "../../../src/guest-config/disk/room.ts";
import type { GrowSettings } from "../../../src/guest-config/initializer/parts.ts";
import { fakeGuest, type GuestOptions, superblock } from "./fake-guest.ts";
import { diskOf, type SparseDisk } from "./sparse-disk.ts";

export const MiB = 1024 ** 2;
export const GiB = 1024 ** 3;
export const builtBytes = 96 * MiB;
const settings: GrowSettings = { growsPartition: true, growsFileSystem: true, devices: ["/"] };

/** As the `universal` layout has it: the root is partition 1 and lies last. */
export const twoPartitions: readonly PlannedPartition[] = [
  { number: 1, startBytes: 35 * MiB, sizeBytes: 60 * MiB, kind: "linux", bootable: true, name: "root" },
  { number: 2, startBytes: MiB, sizeBytes: 34 * MiB, kind: "esp", bootable: false, name: "esp" },
];

/** A built image on a disk of another size. */
export function builtDisk(
  table: "mbr" | "gpt",
  sizeBytes: number,
  partitions: readonly PlannedPartition[] = twoPartitions,
): SparseDisk {
  const plan = partitionTables[table].plan({ diskSizeBytes: builtBytes, partitions, seed: "seed" });
  const disk = diskOf(builtBytes, plan).resized(sizeBytes);
  for (const { startBytes, sizeBytes: bytes, name } of partitions)
    if (name === "root") disk.write(startBytes + 1024, superblock(bytes));
  return disk;
}

/** A boot of it. */
export function grow(disk: SparseDisk, options: GuestOptions = {}, changes: Partial<GrowSettings> = {}) {
  const guest = fakeGuest(disk, options);
  const isNeeded = needsGrowth(guest.host);
  const problems: string[] = [];
  const report = { said() {}, problem: (_: string, text: string) => void problems.push(text) };
  const said = growDisk(guest.host, { ...settings, ...changes }, report);
  return { ...guest, isNeeded, said, problems };
}
