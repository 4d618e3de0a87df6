/** Sets of features by the readers that must live with them. */
export type Ext4FeatureProfile = "portable" | "modern" | "dragonos" | "asterinas" | "grub-old";

export interface Ext4Options {
  readonly features: Ext4FeatureProfile;
  /** Undefined: as is usual for these features. */
  readonly journal?: boolean | undefined;
}

/** A feature by the name that mke2fs -O takes; `^name` is one that is left out on purpose. */
export interface ExplainedFeature {
  readonly name: string;
  readonly reason: string;
}

interface Profile {
  /** Set unless told otherwise; undefined: not possible. */
  readonly journal: boolean | undefined;
  /** What it has beside a journal. */
  readonly features: Readonly<Record<string, string>>;
  readonly leftOut: Readonly<Record<string, string>>;
}

const extAttr = "files have extended attributes: capabilities, access control lists";
const base = {
  filetype: "directory entries tell the type of what they name; all readers know it",
  sparse_super: "few groups keep a copy of the superblock; all readers know it",
  large_file: "files may be larger than 2 GiB",
};
const ext4Base = {
  ...base,
  ext_attr: extAttr,
  resize_inode: "room for group descriptors is kept, so that Linux grows it to 2 TiB while it is mounted",
  extent:
    "a file's blocks are listed as ranges; Linux, GRUB 2, U-Boot, syslinux 6 and DragonOS read it, Asterinas does not",
  huge_file: "files may be larger than 2 TiB; asks something of writers only",
  dir_nlink: "a directory may have more than 65,000 subdirectories; asks something of writers only",
  extra_isize: "times past 2038, and small attributes, fit the inode",
};
const dirIndex = "names in large directories are found by hash; who does not know it reads a plain list";
const flexBg =
  "bitmaps and inode tables of 16 groups lie together, which leaves long runs for files; GRUB 2 and U-Boot read it";
const no64bit =
  "Alibaba's import refuses it, syslinux 6.03 and old U-Boot cannot read it; it is needed past 16 TiB only";
const noChecksums = "Baidu's import refuses it, and e2fsck before 1.43 cannot check it";
const noOrphanFile = "e2fsck and resize2fs before 1.47 refuse it, and only Linux from 5.15 on uses it";

const profiles: Readonly<Record<Ext4FeatureProfile, Profile>> = {
  portable: {
    journal: true,
    features: { ...ext4Base, dir_index: dirIndex, flex_bg: flexBg },
    leftOut: { "64bit": no64bit, metadata_csum: noChecksums, orphan_file: noOrphanFile },
  },
  modern: {
    journal: true,
    features: {
      ...ext4Base,
      dir_index: dirIndex,
      flex_bg: flexBg,
      "64bit":
        "as mke2fs makes it today: may grow past 16 TiB; Alibaba's import, syslinux 6.03 and old U-Boot refuse it",
      metadata_csum: "all metadata have checksums, so damage is seen; needs Linux 3.6, and Baidu's import refuses it",
      metadata_csum_seed:
        "its UUID can be changed while it is mounted; needs Linux 4.4, and GRUB before 2.12 refuses it",
    },
    leftOut: { orphan_file: noOrphanFile },
  },
  dragonos: {
    journal: false,
    features: {
      ...ext4Base,
      flex_bg: `${flexBg}, and so does DragonOS`,
      "64bit": "group descriptors of 64 bytes, the only ones that DragonOS reads; Alibaba's import refuses it",
    },
    leftOut: {
      dir_index: "DragonOS adds names without keeping an index in order; a plain list is right for everybody",
      metadata_csum: "DragonOS checks it, and Baidu's import refuses it; nobody needs it",
      meta_bg: "DragonOS looks for all group descriptors behind block 0",
      orphan_file: noOrphanFile,
    },
  },
  asterinas: {
    journal: undefined,
    features: base,
    leftOut: {
      has_journal: "Asterinas reads strict ext2",
      extent: "Asterinas reads strict ext2: block numbers, not ranges",
      flex_bg: "Asterinas reads strict ext2",
      "64bit": "Asterinas reads strict ext2",
      metadata_csum: "Asterinas reads strict ext2",
      dir_index: "Asterinas adds names without keeping an index in order; a plain list is right for everybody",
      resize_inode: "Asterinas does not grow file systems; resize2fs can, while it is not mounted",
    },
  },
  "grub-old": {
    journal: true,
    features: { ...ext4Base, dir_index: dirIndex },
    leftOut: {
      flex_bg: "each group has its own bitmaps and inode table, as readers of ext3's day expect",
      "64bit": no64bit,
      metadata_csum: noChecksums,
      metadata_csum_seed: "GRUB before 2.12 refuses it",
      orphan_file: noOrphanFile,
    },
  },
};

/**
 * The features of a profile and those that it leaves out, each with its reason; undefined if it cannot have a journal and should.
 *
 * @param hasXattrs whether there is anything to be kept as an extended attribute: strict ext2 has the feature only then
 */
export function explainFeatures(
  profile: Ext4FeatureProfile,
  options: { readonly journal: boolean | undefined; readonly hasXattrs: boolean },
): ExplainedFeature[] | undefined {
  const { journal: usual, features, leftOut } = profiles[profile];
  if (usual === undefined && options.journal === true) return undefined;
  const journal = options.journal ?? usual ?? false;
  const set: Record<string, string> = {
    ...(journal
      ? {
          has_journal:
            "what was written survives a power failure; Linux replays it, and readers that do not know it pass it over",
        }
      : {}),
    ...(options.hasXattrs ? { ext_attr: extAttr } : {}),
    ...features,
  };
  const without: Record<string, string> = {
    ...(journal || usual === undefined
      ? {}
      : { has_journal: usual ? "as the profile asks" : "the guest does not keep one" }),
    ...leftOut,
  };
  return [
    ...Object.entries(set).map(([name, reason]) => ({ name, reason })),
    ...Object.entries(without).map(([name, reason]) => ({ name: `^${name}`, reason: `left out: ${reason}` })),
  ];
}

/** What a file system with exactly these features was made with, if we can have made it. */
export function optionsWithFeatures(names: readonly string[]): Ext4Options | undefined {
  const wanted = names.toSorted().join(" ");
  for (const features of Object.keys(profiles) as Ext4FeatureProfile[])
    for (const journal of [true, false])
      for (const hasXattrs of [false, true]) {
        const explained = explainFeatures(features, { journal, hasXattrs });
        const set = explained?.map(({ name }) => name).filter((name) => !name.startsWith("^"));
        if (set?.sort().join(" ") === wanted) return { features, journal };
      }
  return undefined;
}
