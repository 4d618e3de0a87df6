/**
 * Every error code a user can meet, with what it means in a line. The part before the slash is the family, which
 * decides the exit code. docs/errors.md is generated from this table.
 */
export const errorCodes = {
  "bug/internal": "Something that cannot happen happened: a defect of cloudimg.",

  "usage/arguments": "The command line was not understood.",
  "usage/exists": "What should be written exists already.",

  "profile/syntax": "The profile is not valid YAML.",
  "profile/invalid": "The profile breaks its schema.",
  "profile/not-found": "The profile, or one it extends, cannot be read.",

  "host/no-space": "A disk of this host is full.",
  "host/not-writable": "A file or directory of this host cannot be written.",
  "host/io": "Reading or writing on this host failed.",
  "host/no-qemu": "There is no QEMU for the image's processor, and none could be obtained.",
  "host/qemu-failed": "QEMU did not start, or did not do as it was told.",
  "host/no-acceleration": "The virtualisation that was asked for does not work on this host.",
  "host/no-display": "This QEMU cannot open a window.",
  "host/port-in-use": "A port that was asked for is taken on this host.",
  "host/no-instance": "No instance has that name.",
  "host/unsupported": "This host's system cannot do that.",

  "image/disk-too-small": "The contents do not fit the disk size that the profile asks for.",
  "image/conflict": "Two parts of the profile put different things at the same path of the image.",
  "image/unsupported": "A format cannot hold what the profile asks of it.",
  "image/not-found": "The image file cannot be read, or no image has that name.",
  "image/not-an-image": "The file is not a disk image of a known format, or is damaged.",

  "cloud/instance-died": "The instance ended by itself.",
  "cloud/boot-timeout": "The instance did not finish booting in time.",

  "check/failed": "A smoke check did not pass before its deadline.",
  "check/host-key": "The ssh server showed another host key than the instance printed on its console.",
  "check/instance-died": "The instance ended before its checks were done.",
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof errorCodes;
