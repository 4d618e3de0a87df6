import { decodeName } from "../../core/names.ts";
import { aclFromDisk } from "./ext4-acl.ts";
import { xattrBlockHeader, xattrEntry, xattrMagic } from "./ext4-format.ts";
import { readSmall } from "./ext4-read-content.ts";
import { type ReadInode, readInode } from "./ext4-read-inode.ts";
import { damaged, type Volume } from "./ext4-volume.ts";

type Xattrs = ReadonlyMap<string, Uint8Array>;

export interface ReadXattrs {
  readonly xattrs: Xattrs | undefined;
  /** What of a file's inline data is kept as an attribute. */
  readonly inlineRest: Uint8Array;
}

/** fs/ext4/xattr.h; undefined: only the kernel's business (the context of an encrypted file). */
const prefixes: Readonly<Record<number, string | undefined>> = {
  0: "",
  1: "user.",
  2: "system.posix_acl_access",
  3: "system.posix_acl_default",
  4: "trusted.",
  5: "lustre.",
  6: "security.",
  7: "system.",
  8: "system.richacl",
  9: undefined,
  10: "gnu.",
};

/** Where inline data go that have no room in `i_block`. */
const inlineDataName = "system.data";
const nothing = new Uint8Array(0);
/** include/uapi/linux/limits.h, XATTR_SIZE_MAX. */
const maxValueBytes = 65_536;

/** Reads extended attributes; inodes that share a block of them share what was read. */
export function xattrReader(volume: Volume): (inode: ReadInode) => ReadXattrs {
  const blocks = new Map<number, Xattrs>();
  const values = new Map<number, Uint8Array>();
  let valuesBytes = 0;

  const valueIn = (owner: ReadInode, number: number, valueBytes: number): Uint8Array => {
    const known = values.get(number);
    if (known !== undefined && known.length === valueBytes) return known;
    const holder = readInode(volume, number);
    if (holder.sizeBytes !== valueBytes || valueBytes > maxValueBytes)
      damaged(`an extended attribute of inode ${owner.number} has ${valueBytes} bytes in inode ${number}`);
    valuesBytes += valueBytes;
    // As many inodes as there are may share the blocks of one.
    if (valuesBytes > volume.blocks * volume.blockSizeBytes) damaged("its extended attributes are larger than itself");
    const value = readSmall(volume, holder, nothing);
    values.set(number, value);
    return value;
  };

  const parse = (
    owner: ReadInode,
    area: Uint8Array,
    firstEntry: number,
    valuesFrom: number,
  ): Map<string, Uint8Array> => {
    const bad = (): never => damaged(`inode ${owner.number} has extended attributes outside their place`);
    const found = new Map<string, Uint8Array>();
    let at = firstEntry;
    // Four zero bytes end the list, unless the area does.
    while (
      at + 4 <= area.length &&
      (area[at] !== 0 || area[at + 1] !== 0 || area[at + 2] !== 0 || area[at + 3] !== 0)
    ) {
      if (at + xattrEntry.size > area.length) bad();
      const { nameBytes, nameIndex, valueOffset, valueInode, valueBytes } = xattrEntry.decode(area, at);
      const nameAt = at + xattrEntry.size;
      const valueAt = valuesFrom + valueOffset;
      if (nameAt + nameBytes > area.length) bad();
      if (valueInode === 0 && valueBytes > 0 && valueAt + valueBytes > area.length) bad();
      const value =
        valueInode === 0 ? area.slice(valueAt, valueAt + valueBytes) : valueIn(owner, valueInode, valueBytes);
      const prefix = prefixes[nameIndex];
      if (prefix !== undefined) {
        const name = prefix + decodeName(area.subarray(nameAt, nameAt + nameBytes));
        const isAcl = nameIndex === 2 || nameIndex === 3;
        found.set(name, isAcl ? (aclFromDisk(value) ?? damaged(`inode ${owner.number} has a broken ${name}`)) : value);
      } else if (nameIndex !== 9)
        volume.problems.add(`inode ${owner.number} has an extended attribute of the unknown kind ${nameIndex}`);
      at = nameAt + ((nameBytes + 3) & ~3);
    }
    return found;
  };

  const inBlock = (inode: ReadInode): Xattrs | undefined => {
    const { xattrBlock } = inode;
    if (xattrBlock === 0) return undefined;
    const known = blocks.get(xattrBlock);
    if (known !== undefined) return known;
    if (xattrBlock >= volume.blocks)
      damaged(`inode ${inode.number} refers to block ${xattrBlock}, which does not exist`);
    const block = volume.read(xattrBlock * volume.blockSizeBytes, volume.blockSizeBytes);
    if (xattrBlockHeader.decode(block).magic !== xattrMagic)
      damaged(`block ${xattrBlock} should hold extended attributes of inode ${inode.number} and does not`);
    const found = parse(inode, block, xattrBlockHeader.size, 0);
    blocks.set(xattrBlock, found);
    return found;
  };

  return (inode) => {
    const { tail } = inode;
    const hasInline = tail.length >= 4 && new DataView(tail.buffer, tail.byteOffset).getUint32(0, true) === xattrMagic;
    const shared = inBlock(inode);
    if (!hasInline) return { xattrs: shared?.size ? shared : undefined, inlineRest: nothing };
    const own = parse(inode, tail, 4, 4);
    const inlineRest = own.get(inlineDataName) ?? nothing;
    own.delete(inlineDataName);
    const all = shared === undefined ? own : new Map([...own, ...shared]);
    return { xattrs: all.size === 0 ? undefined : all, inlineRest };
  };
}
