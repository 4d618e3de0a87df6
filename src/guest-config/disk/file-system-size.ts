import type { Host } from "../initializer/host.ts";
import type { Volume } from "./block-devices.ts";

const wideIncompatible = 0x80;
/** What resize2fs wants to be free in the last block group besides its own tables (adjust_fs_info in e2fsprogs). */
const leastFreeBlocks = 50;
const btrfsOffset = 65536;

/**
 * Bytes by which a file system can still grow in its volume, from its superblock; zero if it fills it, undefined if it is none whose size we know. A last block group
 * that would have no room for more than its tables does not count: it stays unused.
 */
export function growthBytes(host: Host, { path, sizeBytes }: Volume): number | undefined {
  const first = viewAt(host, path, 0, 2048);
  if (first?.getUint16(0x438, true) === 0xef53)
    return extGrowth(new DataView(first.buffer, first.byteOffset + 1024, 1024), sizeBytes);
  // XFS: "XFSB", block size, blocks (big-endian). btrfs: its size is in bytes, behind the magic.
  if (first?.getUint32(0) === 0x58465342)
    return Math.max(0, sizeBytes - first.getUint32(4) * (first.getUint32(8) * 2 ** 32 + first.getUint32(12)));
  const second = viewAt(host, path, btrfsOffset, 128);
  if (second?.getUint32(0x40) !== 0x5f424852 || second.getUint32(0x44) !== 0x66535f4d) return undefined;
  return Math.max(0, sizeBytes - second.getUint32(0x70, true) - second.getUint32(0x74, true) * 2 ** 32);
}

function viewAt(host: Host, path: string, offsetBytes: number, lengthBytes: number): DataView | undefined {
  const bytes = host.readBytes(path, offsetBytes, lengthBytes);
  return bytes?.length === lengthBytes ? new DataView(bytes.buffer, bytes.byteOffset, lengthBytes) : undefined;
}

/** The superblock of ext2, ext3 and ext4: Linux, Documentation/filesystems/ext4/super.rst. */
function extGrowth(view: DataView, sizeBytes: number): number | undefined {
  const get = (offset: number) => view.getUint32(offset, true);
  const exponent = get(0x18);
  const blocksPerGroup = get(0x20);
  const firstBlock = get(0x14);
  if (exponent > 6 || blocksPerGroup === 0 || firstBlock > 1) return undefined;
  const blockBytes = 1024 << exponent;
  const isWide = (get(0x60) & wideIncompatible) !== 0;
  const blocks = get(4) + (isWide ? get(0x150) * 2 ** 32 : 0);
  const descriptorBytes = isWide ? Math.max(32, view.getUint16(0xfe, true)) : 32;
  const most = Math.floor(sizeBytes / blockBytes);
  const groups = Math.ceil(most / blocksPerGroup);
  const inodeBlocks = Math.ceil((get(0x28) * (view.getUint16(0x58, true) || 128)) / blockBytes);
  const descriptorBlocks = Math.ceil((groups * descriptorBytes) / blockBytes) + view.getUint16(0xce, true);
  const overhead = 2 + inodeBlocks + 1 + descriptorBlocks + leastFreeBlocks;
  const last = Math.max(0, most - firstBlock) % blocksPerGroup;
  return Math.max(0, most - (last < overhead ? last : 0) - blocks) * blockBytes;
}
