import { deriveUint32, deriveUuid } from "../core/seed.ts";
import { type PartitionTableName, partitionTableOf, tableChoices } from "../profile/choices.ts";
import type { Profile } from "../profile/schema.ts";
import { isoUuid } from "./filesystems/iso9660-writer.ts";

/** What names the parts of a disk; all of it derives from the seed or is given, so that it is known before anything is laid out. */
export interface Identifiers {
  readonly seed: string;
  readonly table: PartitionTableName;
  readonly diskGuid: string;
  /** UUIDs of file systems. */
  readonly rootUuid: string;
  /** What an ISO 9660 disc has for a UUID. */
  readonly discId: string;
  readonly dataUuid: string;
  readonly espUuid: string;
  /** GUIDs of partitions in a GPT. */
  readonly rootGuid: string;
  readonly dataGuid: string;
  readonly extras: readonly { readonly uuid: string; readonly guid: string; readonly number: number }[];
  /** Slots or entries. The system's first partition is number 1, which several importers take for the root. */
  readonly numbers: { readonly root: number; readonly data: number; readonly esp: number };
}

/** Entry numbers that Debian's own cloud images use: the root keeps number 1, whatever is before it on the disk. */
export const biosBootNumber = 14;
const gptEspNumber = 15;

export function identifiersOf(profile: Profile, seed: string, epochSeconds: number): Identifiers {
  const { disk } = profile;
  const table = partitionTableOf(profile);
  const { efi } = tableChoices[table];
  const isMbr = tableChoices[table].table === "mbr";
  const rootUuid = disk.uuid ?? deriveUuid(seed, "root file system");
  const own = disk.fileSystem === "squashfs" ? 2 : 1;
  const esp = isMbr ? own + 1 : gptEspNumber;
  // A GPT's extra partitions go round the numbers that Debian's custom gives away.
  const free = Array.from({ length: disk.partitions.length + 2 }, (_, index) => own + 1 + index).filter((number) =>
    isMbr ? !efi || number !== esp : number !== biosBootNumber && number !== gptEspNumber,
  );
  return {
    seed,
    table,
    diskGuid: disk.guid ?? deriveUuid(seed, "gpt disk"),
    rootUuid,
    discId: isoUuid({ uuid: rootUuid, epochSeconds }),
    dataUuid: deriveUuid(seed, "data file system"),
    espUuid: deriveUuid(seed, "EFI system partition"),
    rootGuid: deriveUuid(seed, "root partition"),
    dataGuid: deriveUuid(seed, "data partition"),
    extras: disk.partitions.map(({ name, uuid, guid }, index) => ({
      uuid: uuid ?? deriveUuid(seed, `file system ${name}`),
      guid: guid ?? deriveUuid(seed, `partition ${name}`),
      number: free[index] as number,
    })),
    numbers: { root: own, data: 1, esp },
  };
}

/** What Linux calls the root's partition: `SSSSSSSS-PP` of an MBR, a GPT's GUID. */
export function rootPartUuid({ seed, table, rootGuid, numbers }: Identifiers): string {
  if (tableChoices[table].table === "gpt") return rootGuid;
  const signature = deriveUint32(seed, "mbr signature").toString(16).padStart(8, "0");
  return `${signature}-${numbers.root.toString(16).padStart(2, "0")}`;
}

/** FAT has 32 bits for what others have 128 for: the first eight digits of the UUID, as Linux and GRUB print them. */
export function fatSerial(uuid: string): string {
  const digits = uuid.slice(0, 8).toUpperCase();
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}
