import { encodeName } from "../../core/names.ts";
import type { Node } from "../../core/tree.ts";
import { maxNameBytes, xattrPrefixes } from "./squashfs-format.ts";

const maxNumber = 2 ** 32 - 1;
/** linux/kdev_t.h, new_encode_dev. */
const maxMajor = 2 ** 12 - 1;
const maxMinor = 2 ** 20 - 1;
/** The largest 32-bit number means "nobody" to chown(2). */
const maxId = maxNumber - 1;
/** Linux reads a link's target into one page and adds a NUL (fs/squashfs/inode.c). */
const maxTargetBytes = 4095;
/** linux/limits.h. */
const maxXattrNameBytes = 255;
const maxXattrBytes = 65536;
/** Our own limit, 2 TiB with blocks of 128 KiB: the sizes of all blocks, also of those in holes, are in memory. */
const maxBlocks = 2 ** 24;

/** Everything about one node at one path that squashfs cannot hold, in words that follow "its" or stand alone. */
export function nodeProblems(name: Uint8Array, node: Node, blockBytes: number): string[] {
  return [...nameProblems(name), ...attributeProblems(node), ...contentProblems(node, blockBytes)];
}

function nameProblems(name: Uint8Array): string[] {
  if (name.length > maxNameBytes) return [`its name is ${name.length} bytes long, and ${maxNameBytes} are the limit`];
  return name.includes(0) ? ["its name contains a NUL"] : [];
}

function attributeProblems({ mode, uid, gid, mtime, xattrs }: Node): string[] {
  const problems: string[] = [];
  if (!isWithin(mode, 0o7777)) problems.push(`its mode ${mode} is not between 0 and 07777`);
  if (!isWithin(uid, maxId)) problems.push(`its user id ${uid} is not between 0 and ${maxId}`);
  if (!isWithin(gid, maxId)) problems.push(`its group id ${gid} is not between 0 and ${maxId}`);
  if (!isWithin(Math.floor(mtime), maxNumber))
    problems.push(`its time ${mtime} is not between 0 and ${maxNumber} seconds from 1970`);
  for (const [name, value] of xattrs ?? []) problems.push(...xattrProblems(name, value));
  return problems;
}

function xattrProblems(name: string, value: Uint8Array): string[] {
  const prefix = xattrPrefixes.find((each) => name.startsWith(each));
  if (prefix === undefined)
    return [`its extended attribute ${name} is in none of the name spaces user, trusted and security`];
  const nameBytes = encodeName(name).length;
  if (nameBytes === prefix.length || nameBytes > maxXattrNameBytes)
    return [`the name of its extended attribute ${name} is empty or longer than ${maxXattrNameBytes} bytes`];
  if (value.length > maxXattrBytes)
    return [`its extended attribute ${name} is ${value.length} bytes long, and ${maxXattrBytes} are the limit`];
  return [];
}

function contentProblems(node: Node, blockBytes: number): string[] {
  switch (node.type) {
    case "file":
      return node.content.sizeBytes <= maxBlocks * blockBytes
        ? []
        : [`it is ${node.content.sizeBytes} bytes long, and ${maxBlocks * blockBytes} are the limit`];
    case "symlink":
      return targetProblems(encodeName(node.target));
    case "character-device":
    case "block-device":
      return [
        ...(isWithin(node.major, maxMajor)
          ? []
          : [`its major device number ${node.major} is not between 0 and ${maxMajor}`]),
        ...(isWithin(node.minor, maxMinor)
          ? []
          : [`its minor device number ${node.minor} is not between 0 and ${maxMinor}`]),
      ];
    default:
      return [];
  }
}

function targetProblems(target: Uint8Array): string[] {
  if (target.length === 0) return ["its target is empty"];
  if (target.includes(0)) return ["its target contains a NUL"];
  if (target.length > maxTargetBytes)
    return [`its target is ${target.length} bytes long, and ${maxTargetBytes} are the limit`];
  return [];
}

function isWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}
