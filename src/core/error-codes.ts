/**
 * Every error code a user can meet, with what it means in a line. The part before the slash is the family, which
 * decides the exit code. docs/errors.md is generated from this table.
 */
export const errorCodes = {
  "bug/internal": "Something that cannot happen happened: a defect of cloudimg.",

  "usage/arguments": "The command line was not understood.",

  "profile/syntax": "The profile is not valid YAML.",
  "profile/invalid": "The profile breaks its schema.",
  "profile/not-found": "The profile, or one it extends, cannot be read.",

  "host/no-space": "A disk of this host is full.",
  "host/not-writable": "A file or directory of this host cannot be written.",
  "host/io": "Reading or writing on this host failed.",

  "image/disk-too-small": "The contents do not fit the disk size that the profile asks for.",
  "image/conflict": "Two parts of the profile put different things at the same path of the image.",
  "image/unsupported": "A format cannot hold what the profile asks of it.",
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof errorCodes;
