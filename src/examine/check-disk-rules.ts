import { formatBytes } from "../core/format.ts";
import type { ImageRules, RuleName } from "../providers/image-rules.ts";
import type { CheckFacts } from "./check-facts.ts";

/** What is found for one rule: what is wrong, and what to do about it. Several, if it is wrong in several places. */
export interface Found {
  readonly message: string;
  readonly fix: string;
}

export type RuleCheck = (facts: CheckFacts, cloud: ImageRules) => readonly Found[];

const MiB = 1024 ** 2;
const none: readonly Found[] = [];

/** Rules about the image file, the partition table and the boot loaders. */
export const diskRules = {
  format({ inspection, detail }, { formats, title }) {
    const own = inspection.format === "vhd" && detail("type") === "fixed" ? ["vhd", "vhd-fixed"] : [inspection.format];
    if (own.some((name) => formats.includes(name))) return none;
    return say(
      `${title} does not import ${inspection.format}`,
      `convert it: cloudimg convert IMAGE OUT.${formats.includes("qcow2") ? "qcow2" : formats[0]}`,
    );
  },
  "several-files": ({ inspection, detail }) =>
    inspection.otherFiles.length > 0 && !isDifference(detail, inspection.format)
      ? say(
          `its data lies in ${inspection.otherFiles.length} other files`,
          "convert it: cloudimg convert IMAGE OUT.qcow2",
        )
      : none,
  "backing-file": ({ inspection, detail }) =>
    isDifference(detail, inspection.format) && inspection.otherFiles.length > 0
      ? say(`it is only a difference to ${inspection.otherFiles[0]}`, "make it whole: cloudimg convert IMAGE OUT.qcow2")
      : none,
  "zstd-clusters": ({ inspection, detail }) =>
    inspection.format === "qcow2" && /^[1-9]\d* compressed \(zstd\)/.test(detail("clusters") ?? "")
      ? say(
          "its clusters are compressed with zstd, which only QEMU 5.1 and later reads",
          "cloudimg convert IMAGE OUT.qcow2 --compression zlib",
        )
      : none,
  "compressed-clusters": ({ inspection, detail }) =>
    inspection.format === "qcow2" && /^[1-9]\d* compressed \(zlib\)/.test(detail("clusters") ?? "")
      ? say("its clusters are compressed", "if the import fails: cloudimg convert IMAGE OUT.qcow2 --no-compress")
      : none,
  "rounded-size": ({ inspection }) =>
    inspection.format === "vhd" && inspection.sizeBytes % MiB !== 0
      ? say(
          `its disk has ${inspection.sizeBytes} bytes, no whole number of MiB: it was rounded to a VHD's geometry`,
          "convert the original with cloudimg, or upload qcow2",
        )
      : none,
  "too-large": ({ inspection }, { mostBytes, title }) =>
    mostBytes !== undefined && inspection.sizeBytes > mostBytes
      ? say(
          `its disk has ${formatBytes(inspection.sizeBytes)}; ${title} takes ${formatBytes(mostBytes)}`,
          "make disk.size smaller; the instance's disk can be larger",
        )
      : none,
  "too-small": ({ inspection }, { leastBytes }) =>
    leastBytes !== undefined && inspection.sizeBytes < leastBytes
      ? say(
          `its disk has ${formatBytes(inspection.sizeBytes)}, less than ${formatBytes(leastBytes)}`,
          `set disk.size to ${formatBytes(leastBytes)}`,
        )
      : none,
  "file-too-large"({ inspection }, { mostFileBytes, mostFileIsData, title }) {
    const bytes = mostFileIsData === true ? inspection.dataBytes : inspection.fileBytes;
    return mostFileBytes !== undefined && bytes > mostFileBytes
      ? say(
          `it holds ${formatBytes(bytes)}; ${title} takes ${formatBytes(mostFileBytes)}`,
          "put less into it, or compress it",
        )
      : none;
  },
  damaged: ({ inspection }) => [
    ...inspection.problems.map((problem) => ({
      message: `the image file is damaged: ${problem}`,
      fix: "make or copy it again",
    })),
    ...(inspection.table?.problems ?? []).map((problem) => ({
      message: `the partition table is damaged: ${problem}`,
      fix: "repair it: sgdisk --move-second-header, or sfdisk",
    })),
    ...inspection.volumes.flatMap(({ partition, problem }) =>
      problem?.code === "image/damaged"
        ? [
            {
              message: `${placeOf(partition)} is damaged: ${problem.message}`,
              fix: "run fsck, or make the image again",
            },
          ]
        : [],
    ),
  ],
  "no-table": ({ inspection }) =>
    inspection.table === undefined ? say("the disk has no partition table", "use disk.partitionTable universal") : none,
  disc: ({ volumes }) =>
    volumes.some(({ kind, number }) => kind === "iso9660" && number === undefined)
      ? say("it is the image of a CD", "use another disk.fileSystem, for a disk with a partition table")
      : none,
  "several-partitions": ({ root, fstab }) => {
    const further = fstab.filter(
      ({ device, directory }) =>
        /^(UUID|LABEL|PARTUUID|PARTLABEL)=|^\/dev\//.test(device) &&
        /^\/(?!boot(\/|$)|efi$|media|cdrom)./.test(directory),
    );
    return root !== undefined && further.length > 0
      ? say(
          `besides the root, ${further.map(({ directory }) => directory).join(", ")} ${further.length === 1 ? "is" : "are"} on a partition`,
          "keep the system in one partition",
        )
      : none;
  },
  gpt: ({ inspection }) =>
    inspection.table?.name === "gpt"
      ? say("the disk has a GPT", "use disk.partitionTable universal, which is an MBR that boots by UEFI too")
      : none,
  "no-boot-code": ({ bootsBios, bootsUefi }) =>
    !bootsBios && !bootsUefi
      ? say(
          "nothing on the disk can be booted: neither boot code for BIOS nor a program for UEFI",
          "install a boot loader; `cloudimg build` does",
        )
      : none,
  "uefi-only": ({ bootsBios, bootsUefi }) =>
    !bootsBios && bootsUefi ? say("the disk boots by UEFI only", "use disk.partitionTable universal") : none,
  "no-root": ({ root, volumes }) =>
    root === undefined && volumes.every(({ isReadable, kind }) => isReadable || kind === undefined)
      ? say("no partition holds a root file system", "is this the right image?")
      : none,
  "root-unreadable": ({ root, volumes }) =>
    root === undefined && volumes.some(({ isReadable, kind }) => !isReadable && kind !== undefined && kind !== "swap")
      ? say(`the root cannot be looked into: it may be in ${kindsOf(volumes)}`, "what is inside was not checked")
      : none,
  "root-not-first": ({ root, inspection }) =>
    root?.number !== undefined && root.number !== Math.min(...inspection.partitions.map(({ number }) => number))
      ? say(
          `the root is partition ${root.number}, not the first`,
          "give the root the first entry of the table; where it lies does not matter",
        )
      : none,
  "first-not-writable"({ inspection }) {
    const [first] = inspection.partitions.toSorted((a, b) => a.number - b.number);
    const kind = inspection.volumes.find(({ partition }) => partition === first?.number)?.fileSystem?.type;
    return first !== undefined && kind !== undefined && !/^(ext[234]|fat\d+)$/.test(kind)
      ? say(`partition ${first.number} holds ${kind}`, "put a writable partition first")
      : none;
  },
  "root-not-last"({ root, inspection }) {
    const place = inspection.partitions.find(({ number }) => number === root?.number);
    const behind = inspection.partitions.filter(
      ({ startBytes }) => place !== undefined && startBytes > place.startBytes,
    );
    // A squashfs does not grow anyway; what grows is its data partition, which lies behind it.
    return root !== undefined && root.kind !== "squashfs" && behind.length > 0
      ? say(
          `partition ${behind[0]?.number} lies behind the root, which cannot grow over it`,
          "put the root last on the disk",
        )
      : none;
  },
  "file-system": ({ root, volumes }, { fileSystems, title }) => {
    const kind =
      root?.kind ??
      volumes.find(({ kind: each, isReadable }) => !isReadable && each !== "swap" && each !== undefined)?.kind;
    return kind !== undefined && !fileSystems.includes(kind)
      ? say(
          `the root is ${kind}, which ${title} does not name among those it knows (${fileSystems.join(", ")})`,
          "use disk.fileSystem ext4",
        )
      : none;
  },
  "ext4-64bit": ({ root }) =>
    root?.features.includes("64bit") === true
      ? say("the root has ext4's feature 64bit", "use disk.ext4.features portable")
      : none,
  "ext4-project-quota": ({ root }) =>
    root?.features.includes("project") === true && root.features.includes("quota")
      ? say("the root has ext4's features project and quota", "tune2fs -O ^project")
      : none,
  "not-clean": ({ inspection }) =>
    inspection.volumes.flatMap(({ partition, fileSystem }) =>
      (fileSystem?.problems ?? []).map((problem) => ({
        message: `the file system in ${placeOf(partition)} is not clean: ${problem}`,
        fix: "shut the system down before its disk is copied, or run fsck",
      })),
    ),
  encrypted: ({ volumes }) =>
    volumes.flatMap(({ kind, number }) =>
      kind === "LUKS" || kind === "bitlocker"
        ? [{ message: `${placeOf(number)} is encrypted`, fix: "encrypt the cloud's disk instead" }]
        : [],
    ),
  lvm: ({ volumes }) =>
    volumes.flatMap(({ kind, number }) =>
      kind === "LVM2" ? [{ message: `${placeOf(number)} belongs to LVM`, fix: "use plain partitions" }] : [],
    ),
} as const satisfies Partial<Record<RuleName, RuleCheck>>;

export function say(message: string, fix: string): readonly Found[] {
  return [{ message, fix }];
}

function placeOf(partition: number | undefined): string {
  return partition === undefined ? "the disk" : `partition ${partition}`;
}

function kindsOf(volumes: CheckFacts["volumes"]): string {
  return volumes
    .flatMap(({ kind, isReadable, number }) => (isReadable || kind === undefined ? [] : `${placeOf(number)} (${kind})`))
    .join(", ");
}

function isDifference(detail: CheckFacts["detail"], format: string): boolean {
  return format === "qcow2" || detail("parent") !== undefined;
}
