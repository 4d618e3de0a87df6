import type { FeatureFlags } from "./ext4-features.ts";
import { compatible, readOnlyCompatible } from "./ext4-format.ts";

/** Whether a group begins with a copy of the superblock (fs/ext4/balloc.c, ext4_bg_has_super). */
export function hasSuperblock(
  group: number,
  superblock: { readonly backupGroup1: number; readonly backupGroup2: number },
  flags: FeatureFlags,
): boolean {
  if (group === 0) return true;
  if ((flags.compatible & compatible.sparseSuper2) !== 0)
    return group === superblock.backupGroup1 || group === superblock.backupGroup2;
  if (group === 1 || (flags.readOnlyCompatible & readOnlyCompatible.sparseSuper) === 0) return true;
  return [3, 5, 7].some((base) => isPowerOf(base, group));
}

function isPowerOf(base: number, value: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}
