import { encodeName } from "../../core/names.ts";
import type { Node } from "../../core/tree.ts";
import { blockSizeBytes, maxNameBytes } from "./ext4-format.ts";
import type { Traits } from "./ext4-traits.ts";

/** Longest target: the kernel reads a link's one block and adds a NUL. */
const maxTargetBytes = blockSizeBytes - 1;
/** linux/kdev_t.h, new_encode_dev. */
const maxMajor = 2 ** 12 - 1;
const maxMinor = 2 ** 20 - 1;
/** The largest 32-bit number means "nobody" to chown(2). */
const maxId = 2 ** 32 - 2;
/** 32 bits signed and two more bits in the extra field: from 1901 to 2446. */
const minTime = -(2 ** 31);
const maxTime = 2 ** 34 - 2 ** 31 - 1;

/** Everything about one node at one path that ext4 cannot hold, in words that follow "its" or stand alone. */
export function nodeProblems(name: Uint8Array, node: Node, traits: Traits): string[] {
  return [...nameProblems(name), ...attributeProblems(node), ...contentProblems(node, traits)];
}

function nameProblems(name: Uint8Array): string[] {
  if (name.length > maxNameBytes) return [`its name is ${name.length} bytes long, and ${maxNameBytes} are the limit`];
  if (name.includes(0)) return ["its name contains a NUL"];
  return [];
}

function attributeProblems({ mode, uid, gid, mtime }: Node): string[] {
  const problems: string[] = [];
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777)
    problems.push(`its mode ${mode} is not between 0 and 07777`);
  for (const [what, id] of [
    ["user", uid],
    ["group", gid],
  ] as const)
    if (!Number.isInteger(id) || id < 0 || id > maxId)
      problems.push(`its ${what} id ${id} is not between 0 and ${maxId}`);
  if (!(mtime >= minTime && mtime < maxTime + 1))
    problems.push(`its time ${mtime} is not between ${minTime} and ${maxTime} seconds from 1970`);
  return problems;
}

function contentProblems(node: Node, { maxFileSizeBytes }: Traits): string[] {
  if (node.type === "file" && node.content.sizeBytes > maxFileSizeBytes)
    return [`it is ${node.content.sizeBytes} bytes long, and ${maxFileSizeBytes} are the limit`];
  if (node.type === "symlink") return targetProblems(encodeName(node.target));
  if (node.type !== "character-device" && node.type !== "block-device") return [];
  const problems: string[] = [];
  for (const [what, number, max] of [
    ["major", node.major, maxMajor],
    ["minor", node.minor, maxMinor],
  ] as const)
    if (!Number.isInteger(number) || number < 0 || number > max)
      problems.push(`its ${what} device number ${number} is not between 0 and ${max}`);
  return problems;
}

function targetProblems(target: Uint8Array): string[] {
  if (target.length === 0) return ["its target is empty"];
  if (target.includes(0)) return ["its target contains a NUL"];
  if (target.length > maxTargetBytes)
    return [`its target is ${target.length} bytes long, and ${maxTargetBytes} are the limit`];
  return [];
}
