import { CloudimgError } from "../../core/errors.ts";
import { decodeName } from "../../core/names.ts";
import { featureNames } from "./ext4-features.ts";
import { compatible, incompatible, readOnlyCompatible } from "./ext4-format.ts";
import { readInode } from "./ext4-read-inode.ts";
import { readTree } from "./ext4-read-tree.ts";
import { hasMagic, openVolume, type Volume } from "./ext4-volume.ts";
import type { FileSystemReader, ReadFileSystem } from "./filesystem-reader.ts";

/** ext2, ext3 and ext4, whoever made it. */
export const ext4Reader: FileSystemReader = {
  name: "ext4",
  detect: hasMagic,
  read(source) {
    const volume = openVolume(source);
    const tree = readTree(volume);
    const { superblock, blockSizeBytes, flags } = volume;
    const details = detailsOf(volume);
    return {
      type: volume.type,
      label: textOf(superblock.volumeName),
      uuid: uuidOf(superblock.uuid),
      sizeBytes: volume.blocks * blockSizeBytes,
      freeBytes: (superblock.freeBlocksCount + superblock.freeBlocksCountHigh * 2 ** 32) * blockSizeBytes,
      features: featureNames(flags),
      details,
      problems: [...stateProblems(volume), ...volume.problems],
      tree,
    };
  },
};

const stateClean = 1;
const stateErrors = 2;

function stateProblems({ superblock, flags }: Volume): string[] {
  const problems: string[] = [];
  const needsRecovery = (flags.incompatible & incompatible.needsRecovery) !== 0;
  if (needsRecovery) problems.push("its journal has not been replayed: what was written last may be missing");
  else if ((superblock.state & stateClean) === 0) problems.push("it was not unmounted cleanly");
  if ((superblock.state & stateErrors) !== 0 || superblock.errorCount > 0)
    problems.push("the kernel has found errors in it");
  if (superblock.lastOrphan !== 0 || (flags.readOnlyCompatible & readOnlyCompatible.orphanPresent) !== 0)
    problems.push("it has deleted files that were still open");
  return problems;
}

function detailsOf(volume: Volume): ReadFileSystem["details"] {
  const { superblock } = volume;
  const details: [string, string][] = [
    ["block size", binarySize(volume.blockSizeBytes)],
    ["inodes", `${volume.inodes}, ${superblock.freeInodesCount} of them free`],
    ["journal", journalOf(volume)],
  ];
  if (superblock.mkfsTime > 0) details.push(["created", timeOf(superblock.mkfsTime, superblock.mkfsTimeHigh)]);
  if (superblock.lastMounted !== "")
    details.push(["last mounted on", textOf(Buffer.from(superblock.lastMounted, "latin1"))]);
  details.push(["can grow to", growthOf(volume)]);
  return details;
}

function journalOf(volume: Volume): string {
  const { superblock, flags } = volume;
  if ((flags.compatible & compatible.hasJournal) === 0) return "none";
  if (superblock.journalInode === 0) return "on another device";
  try {
    return binarySize(readInode(volume, superblock.journalInode).sizeBytes);
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    volume.problems.add("its journal cannot be found");
    return "lost";
  }
}

/** What there are group descriptors for, or room for them; block numbers of 32 bits are another limit. */
function growthOf(volume: Volume): string {
  const { superblock, flags, blockSizeBytes, descriptorSizeBytes } = volume;
  const wide = (flags.incompatible & incompatible.bits64) !== 0;
  const numbersEnd = wide ? 2 ** 60 : 2 ** 32 * blockSizeBytes;
  if ((flags.incompatible & incompatible.metaBg) !== 0) return binarySize(numbersEnd);
  const perBlock = blockSizeBytes / descriptorSizeBytes;
  const hasResizeInode = (flags.compatible & compatible.resizeInode) !== 0;
  const blocks = Math.ceil(volume.groups / perBlock) + (hasResizeInode ? superblock.reservedDescriptorBlocks : 0);
  return binarySize(Math.min(numbersEnd, blocks * perBlock * superblock.blocksPerGroup * blockSizeBytes));
}

/** `16 MiB`; sizes that are no round number get one digit more. */
function binarySize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

function timeOf(low: number, high: number): string {
  return `${new Date((low + high * 2 ** 32) * 1000).toISOString().slice(0, 19)}Z`;
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

function uuidOf(bytes: Uint8Array): string {
  if (bytes.every((byte) => byte === 0)) return "";
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
