import { compatible, incompatible, readOnlyCompatible } from "./ext4-format.ts";

/** The three words of feature flags in a superblock. */
export interface FeatureFlags {
  readonly compatible: number;
  readonly incompatible: number;
  readonly readOnlyCompatible: number;
}

type Names = Readonly<Record<number, string>>;

/** The names that dumpe2fs and mke2fs -O use (e2fsprogs, lib/e2p/feature.c). */
const compatibleNames: Names = {
  1: "dir_prealloc",
  2: "imagic_inodes",
  4: "has_journal",
  8: "ext_attr",
  16: "resize_inode",
  32: "dir_index",
  64: "lazy_bg",
  256: "snapshot_bitmap",
  512: "sparse_super2",
  1024: "fast_commit",
  2048: "stable_inodes",
  4096: "orphan_file",
};
const incompatibleNames: Names = {
  1: "compression",
  2: "filetype",
  4: "needs_recovery",
  8: "journal_dev",
  16: "meta_bg",
  64: "extent",
  128: "64bit",
  256: "mmp",
  512: "flex_bg",
  1024: "ea_inode",
  4096: "dirdata",
  8192: "metadata_csum_seed",
  16384: "large_dir",
  32768: "inline_data",
  65536: "encrypt",
  131072: "casefold",
};
const readOnlyCompatibleNames: Names = {
  1: "sparse_super",
  2: "large_file",
  8: "huge_file",
  16: "uninit_bg",
  32: "dir_nlink",
  64: "extra_isize",
  128: "snapshot",
  256: "quota",
  512: "bigalloc",
  1024: "metadata_csum",
  2048: "replica",
  4096: "read-only",
  8192: "project",
  16384: "shared_blocks",
  32768: "verity",
  65536: "orphan_present",
};

/** Sorted by name; a flag without one is called as dumpe2fs does, `FEATURE_I20`. */
export function featureNames(flags: FeatureFlags): string[] {
  return [
    ...namesOf(flags.compatible, compatibleNames, "C"),
    ...namesOf(flags.incompatible, incompatibleNames, "I"),
    ...namesOf(flags.readOnlyCompatible, readOnlyCompatibleNames, "R"),
  ].sort();
}

/** The reverse; for names that we write. */
export function flagsOf(names: readonly string[]): FeatureFlags {
  const word = (known: Names): number =>
    Object.entries(known).reduce((sum, [bit, name]) => (names.includes(name) ? sum | Number(bit) : sum), 0);
  return {
    compatible: word(compatibleNames),
    incompatible: word(incompatibleNames),
    readOnlyCompatible: word(readOnlyCompatibleNames),
  };
}

function namesOf(word: number, names: Names, letter: string): string[] {
  const bits = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (word >>> bit) & 1);
  return bits.map((bit) => names[2 ** bit] ?? `FEATURE_${letter}${bit}`);
}

const ext3Incompatible = incompatible.filetype | incompatible.needsRecovery | incompatible.metaBg;
const ext3ReadOnly = readOnlyCompatible.sparseSuper | readOnlyCompatible.largeFile | readOnlyCompatible.btreeDir;

/** As blkid decides (libblkid, superblocks/ext.c): anything that ext3 does not know makes it ext4, else a journal makes it ext3. */
export function typeOf(flags: FeatureFlags): "ext2" | "ext3" | "ext4" {
  if ((flags.incompatible & ~ext3Incompatible) !== 0 || (flags.readOnlyCompatible & ~ext3ReadOnly) !== 0) return "ext4";
  return (flags.compatible & compatible.hasJournal) !== 0 ? "ext3" : "ext2";
}

/** Flags with which files are read as we read them. Encryption is looked at file by file. */
const understood =
  ext3Incompatible |
  incompatible.extents |
  incompatible.bits64 |
  incompatible.mmp |
  incompatible.flexBg |
  incompatible.eaInode |
  incompatible.checksumSeed |
  incompatible.largeDir |
  incompatible.inlineData |
  incompatible.encrypt |
  incompatible.casefold;

/** Names of the features without which one cannot read this file system and which we do not know. */
export function unknownFeatures(flags: FeatureFlags): string[] {
  return namesOf(flags.incompatible & ~understood, incompatibleNames, "I");
}
