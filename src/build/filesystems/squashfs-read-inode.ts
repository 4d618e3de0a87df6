import { damaged, decode } from "./squashfs-damage.ts";
import {
  deviceInode,
  directoryInode,
  fileInode,
  inodeHeader,
  longDeviceInode,
  longDirectoryInode,
  longFileInode,
  longSpecialInode,
  longTypes,
  none,
  type Place,
  specialInode,
  symlinkInode,
  types,
} from "./squashfs-format.ts";
import type { Cursor } from "./squashfs-read-metadata.ts";

interface Common {
  readonly mode: number;
  /** Indexes into the table of ids. */
  readonly user: number;
  readonly group: number;
  readonly time: number;
  readonly number: number;
  /** Index into the table of attributes. */
  readonly xattrs: number | undefined;
}

export interface DirectoryInode extends Common {
  readonly type: "directory";
  readonly listing: Place;
  readonly listingBytes: number;
}
export interface FileInode extends Common {
  readonly type: "file";
  readonly sizeBytes: number;
  readonly startBytes: number;
  readonly fragment: number | undefined;
  readonly fragmentOffset: number;
  /** Is behind the inode: the sizes of its blocks. */
  readonly sizes: Cursor;
}
interface SymlinkInode extends Common {
  readonly type: "symlink";
  readonly target: Uint8Array;
}
interface DeviceInode extends Common {
  readonly type: "character-device" | "block-device";
  readonly device: number;
}
interface SpecialInode extends Common {
  readonly type: "fifo" | "socket";
}
export type Inode = DirectoryInode | FileInode | SymlinkInode | DeviceInode | SpecialInode;

type Type = keyof typeof types;
const typeOf = new Map<number, Type>(Object.entries(types).map(([name, number]) => [number, name as Type]));

/** Linux takes no longer ones (fs/squashfs/symlink.c). */
const maxTargetBytes = 65535;

/** Errors: `image/damaged`. */
export function readInode(cursor: Cursor): Inode {
  const header = decode(inodeHeader, cursor.take(inodeHeader.size));
  const isLong = header.type > longTypes;
  const type = typeOf.get(isLong ? header.type - longTypes : header.type);
  if (type === undefined || header.mode > 0o7777)
    return damaged(`inode ${header.number} has the type ${header.type} and the mode ${header.mode.toString(8)}`);
  const take = <T>(format: { name: string; size: number; decode(bytes: Uint8Array): T }): T =>
    decode(format, cursor.take(format.size));
  const common = (xattrs: number): Common => ({ ...header, xattrs: xattrs === none ? undefined : xattrs });
  switch (type) {
    case "directory": {
      const body = isLong ? take(longDirectoryInode) : { ...take(directoryInode), xattrs: none };
      const { block, offset, listingBytes, xattrs } = body;
      // An index, if there is one, says nothing that the listing does not.
      if (listingBytes < 3) damaged(`directory ${header.number} has a listing of ${listingBytes} bytes`);
      return { ...common(xattrs), type, listing: { block, offset }, listingBytes: listingBytes - 3 };
    }
    case "file": {
      const { start, sizeBytes, fragment, fragmentOffset, xattrs } = isLong
        ? take(longFileInode)
        : { ...take(fileInode), xattrs: none };
      return {
        ...common(xattrs),
        type,
        sizeBytes,
        startBytes: start,
        fragment: fragment === none ? undefined : fragment,
        fragmentOffset,
        sizes: cursor,
      };
    }
    case "symlink": {
      const { targetBytes } = take(symlinkInode);
      if (targetBytes === 0 || targetBytes > maxTargetBytes)
        damaged(`link ${header.number} has a target of ${targetBytes} bytes`);
      const target = cursor.take(targetBytes);
      if (target.includes(0)) damaged(`link ${header.number} has a NUL in its target`);
      const xattrs = isLong ? new DataView(cursor.take(4).buffer).getUint32(0, true) : none;
      return { ...common(xattrs), type, target };
    }
    case "character-device":
    case "block-device": {
      const { device, xattrs } = isLong ? take(longDeviceInode) : { ...take(deviceInode), xattrs: none };
      return { ...common(xattrs), type, device };
    }
    default: {
      const { xattrs } = isLong ? take(longSpecialInode) : { ...take(specialInode), xattrs: none };
      return { ...common(xattrs), type };
    }
  }
}
