import { encodeName } from "../../core/names.ts";
import { aclToDisk } from "./ext4-acl.ts";
import {
  blockSizeBytes,
  inlineXattrBytes,
  maxNameBytes,
  xattrBlockHeader,
  xattrEntry,
  xattrMagic,
} from "./ext4-format.ts";

/** Extended attributes of one inode as they go to disk: in the inode's tail, the rest in one block. */
export interface EncodedXattrs {
  readonly inline: Uint8Array;
  /** A block whose `references` and `hash` are final; inodes with the same one may share it. */
  readonly block: Uint8Array | undefined;
}

interface Attribute {
  readonly nameIndex: number;
  /** Without the prefix that the index stands for. */
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** fs/ext4/xattr.h. Whole names come before the prefix that they begin with. */
const nameIndexes: readonly [prefix: string, index: number][] = [
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
  ["system.", 7],
  ["user.", 1],
  ["trusted.", 4],
  ["security.", 6],
];

const inlineStart = 4;
const terminatorBytes = 4;
const inlineRoomBytes = inlineXattrBytes - inlineStart - terminatorBytes;
const blockRoomBytes = blockSizeBytes - xattrBlockHeader.size - terminatorBytes;

/** Encodes attributes, or says why ext4 cannot hold them. `inInode`: whether the inode has room of its own. */
export function encodeXattrs(xattrs: ReadonlyMap<string, Uint8Array>, inInode: boolean): EncodedXattrs | string {
  const attributes: Attribute[] = [];
  for (const [name, value] of xattrs) {
    const attribute = attributeOf(name, value);
    if (typeof attribute === "string") return attribute;
    attributes.push(attribute);
  }
  attributes.sort(byIndexLengthName);

  const inline: Attribute[] = [];
  const rest: Attribute[] = [];
  let inlineLeft = inInode ? inlineRoomBytes : 0;
  for (const attribute of attributes) {
    const bytes = bytesOf(attribute);
    if (bytes <= inlineLeft) {
      inlineLeft -= bytes;
      inline.push(attribute);
    } else rest.push(attribute);
  }
  const restBytes = rest.reduce((sum, attribute) => sum + bytesOf(attribute), 0);
  if (restBytes > blockRoomBytes)
    return `its extended attributes need ${restBytes} bytes beside the inode, and one block has room for ${blockRoomBytes}`;
  return { inline: encodeInline(inline), block: rest.length === 0 ? undefined : encodeBlock(rest) };
}

function attributeOf(name: string, value: Uint8Array): Attribute | string {
  const known = nameIndexes.find(([prefix]) => (prefix.endsWith(".") ? name.startsWith(prefix) : name === prefix));
  if (known === undefined)
    return `its extended attribute ${name} is in none of the name spaces user, trusted, security and system`;
  const [prefix, nameIndex] = known;
  const encoded = encodeName(name.slice(prefix.length));
  if (encoded.length > maxNameBytes || (prefix.endsWith(".") && encoded.length === 0))
    return `the name of its extended attribute ${name} is not 1 to ${maxNameBytes} bytes long`;
  if (prefix.endsWith(".")) return { nameIndex, name: encoded, value };
  const acl = aclToDisk(value);
  return acl === undefined ? `its ${name} is not an access control list` : { nameIndex, name: encoded, value: acl };
}

/** The order that the kernel's search in a block relies on (ext4_xattr_find_entry, sorted). */
function byIndexLengthName(a: Attribute, b: Attribute): number {
  return a.nameIndex - b.nameIndex || a.name.length - b.name.length || Buffer.compare(a.name, b.name);
}

function bytesOf({ name, value }: Attribute): number {
  return xattrEntry.size + padTo4(name.length) + padTo4(value.length);
}

function padTo4(bytes: number): number {
  return (bytes + 3) & ~3;
}

function encodeInline(attributes: readonly Attribute[]): Uint8Array {
  const target = new Uint8Array(attributes.length === 0 ? 0 : inlineXattrBytes);
  if (attributes.length === 0) return target;
  new DataView(target.buffer).setUint32(0, xattrMagic, true);
  // Values are found relative to the first entry, not to the magic number before it.
  encodeEntries(target.subarray(inlineStart), 0, attributes);
  return target;
}

function encodeBlock(attributes: readonly Attribute[]): Uint8Array {
  const target = new Uint8Array(blockSizeBytes);
  const hashes = encodeEntries(target, xattrBlockHeader.size, attributes);
  const hash = hashes.reduce((sum, entryHash) => rotateLeft(sum, 16) ^ entryHash, 0) >>> 0;
  xattrBlockHeader.encodeInto(target, 0, { magic: xattrMagic, references: 1, blocks: 1, hash });
  return target;
}

/** Entries from `at` upwards, values from the end downwards. Returns the entries' hashes. */
function encodeEntries(target: Uint8Array, at: number, attributes: readonly Attribute[]): number[] {
  let entryAt = at;
  let valueAt = target.length;
  return attributes.map(({ nameIndex, name, value }) => {
    valueAt -= padTo4(value.length);
    target.set(value, valueAt);
    const hash = entryHash(name, target.subarray(valueAt, valueAt + padTo4(value.length)));
    xattrEntry.encodeInto(target, entryAt, {
      nameBytes: name.length,
      nameIndex,
      valueOffset: value.length === 0 ? 0 : valueAt,
      valueBytes: value.length,
      hash,
    });
    target.set(name, entryAt + xattrEntry.size);
    entryAt += xattrEntry.size + padTo4(name.length);
    return hash;
  });
}

/** fs/ext4/xattr.c, ext4_xattr_hash_entry. */
function entryHash(name: Uint8Array, paddedValue: Uint8Array): number {
  let hash = 0;
  for (const byte of name) hash = rotateLeft(hash, 5) ^ byte;
  const view = new DataView(paddedValue.buffer, paddedValue.byteOffset, paddedValue.length);
  for (let at = 0; at < paddedValue.length; at += 4) hash = rotateLeft(hash, 16) ^ view.getUint32(at, true);
  return hash >>> 0;
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Inodes with equal blocks share one, up to the 1024 references that the kernel allows (EXT4_XATTR_REFCOUNT_MAX). */
export class XattrBlocks {
  readonly blocks: Uint8Array[] = [];
  readonly #byContent = new Map<string, number>();

  /** The number of the block to refer to: an index into `blocks`. */
  share(block: Uint8Array): number {
    const key = Buffer.from(block.buffer, block.byteOffset, block.length).toString("latin1");
    const known = this.#byContent.get(key);
    const view = known === undefined ? undefined : viewOf(this.blocks[known] as Uint8Array);
    const references = view?.getUint32(referencesOffset, true) ?? maxReferences;
    if (known !== undefined && references < maxReferences) {
      view?.setUint32(referencesOffset, references + 1, true);
      return known;
    }
    this.#byContent.set(key, this.blocks.length);
    return this.blocks.push(block) - 1;
  }
}

const maxReferences = 1024;
const referencesOffset = xattrBlockHeader.fields.references.offset;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
