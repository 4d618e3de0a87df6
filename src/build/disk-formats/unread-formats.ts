import { fail } from "../../core/errors.ts";
import type { ImageReader } from "./image-reader.ts";

interface UnreadFormat {
  /** As extensions and other tools name it. */
  readonly name: string;
  /** For messages. */
  readonly what: string;
  readonly magic: string;
  /** Where the magic number is; a negative one is counted from the file's end. */
  readonly offsetBytes: number;
  readonly hint: string;
}

const byQemu = "make a qcow2 of it with qemu-img convert";
const decompress = (tool: string) => `decompress it first, with ${tool}`;

/** What else holds disks. All of it would pass for a raw disk whose contents nobody knows. */
const formats: readonly UnreadFormat[] = [
  {
    ...{ name: "vhdx", what: "VHDX", magic: "vhdxfile", offsetBytes: 0 },
    hint: "make a VHD of it with Convert-VHD, or a qcow2 with qemu-img convert",
  },
  { name: "qed", what: "QED", magic: "QED\0", offsetBytes: 0, hint: byQemu },
  // QEMU, docs/interop/parallels.rst: the second one is that of disks beyond 2 TiB.
  { name: "parallels", what: "a disk of Parallels", magic: "WithoutFreeSpace", offsetBytes: 0, hint: byQemu },
  { name: "hdd", what: "a disk of Parallels", magic: "WithouFreSpacExt", offsetBytes: 0, hint: byQemu },
  { name: "dmg", what: "a disk image of macOS", magic: "koly", offsetBytes: -512, hint: byQemu },
  { name: "gz", what: "what gzip has compressed", magic: "\x1f\x8b\x08", offsetBytes: 0, hint: decompress("gunzip") },
  { name: "xz", what: "what xz has compressed", magic: "\xfd7zXZ\0", offsetBytes: 0, hint: decompress("unxz") },
  {
    name: "zst",
    what: "what zstd has compressed",
    magic: "\x28\xb5\x2f\xfd",
    offsetBytes: 0,
    hint: decompress("unzstd"),
  },
  {
    name: "zip",
    what: "a ZIP archive",
    magic: "PK\x03\x04",
    offsetBytes: 0,
    hint: "unpack it, and use the disk in it",
  },
  {
    ...{ name: "ova", what: "a tar archive, as OVA files are,", magic: "ustar", offsetBytes: 257 },
    hint: "unpack it with tar, and use the disk in it",
  },
];

/** Known by their magic numbers, and refused. */
export const unreadFormats: readonly ImageReader[] = formats.map(({ name, what, magic, offsetBytes, hint }) => ({
  name,
  detect({ source }) {
    const startBytes = offsetBytes < 0 ? source.sizeBytes + offsetBytes : offsetBytes;
    if (startBytes < 0 || startBytes + magic.length > source.sizeBytes) return false;
    const bytes = Buffer.alloc(magic.length);
    source.read(bytes, startBytes);
    return bytes.toString("latin1") === magic;
  },
  read: ({ path }) => fail("image/unsupported", `cannot use ${path}: ${what} is not read`, { hint }),
}));
