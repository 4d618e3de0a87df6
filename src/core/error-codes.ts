/**
 * Every error code a user can meet, with what it means in a line. The part before the slash is the family, which
 * decides the exit code. docs/errors.md is generated from this table.
 */
export const errorCodes = {
  "bug/internal": "Something that cannot happen happened: a defect of cloudimg.",

  "usage/file": "A file named on the command line cannot be read.",
  "usage/arguments": "The command line was not understood.",
  "usage/exists": "What should be written exists already.",

  "profile/syntax": "The profile is not valid YAML.",
  "profile/invalid": "The profile breaks its schema.",
  "profile/not-found": "The profile, or one it extends, cannot be read.",
  "profile/no-source": "A file that the profile names is not there, or its glob matches nothing.",
  "profile/unknown-owner": "A user or group that the profile names does not exist in the image.",
  "profile/lock-syntax": "The lock file is not valid YAML.",
  "profile/lock-invalid": "The lock file is not one, or was edited by hand.",
  "profile/lock-missing": "There is no lock file.",
  "profile/lock-drift": "The profile asks for other packages than the lock holds.",

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

  "packages/no-mirror": "No Debian mirror is known, or what was named is no URL.",
  "packages/unreachable": "The mirror cannot be reached, or breaks off; tried again several times.",
  "packages/refused": "The mirror answers with an error.",
  "packages/no-suite": "The archive has no such suite.",
  "packages/no-component": "The suite has no such component, or not for this architecture.",
  "packages/bad-release": "The archive's InRelease file is none.",
  "packages/bad-keyring": "The keyring cannot be read.",
  "packages/unknown-key": "The archive is signed by keys that are not trusted.",
  "packages/expired-key": "The key that signed the archive has expired.",
  "packages/expired-signature": "The archive's signature has expired.",
  "packages/bad-signature": "The archive's signature is wrong.",
  "packages/stale": "The archive's metadata is older than it says it may be.",
  "packages/wrong-suite": "The mirror serves another suite than was asked for.",
  "packages/bad-index": "The list of packages is not the one that the archive signed, or is damaged.",
  "packages/bad-package": "A package is not the one that the archive signed.",
  "packages/truncated": "The mirror sends a file cut short.",
  "packages/damaged": "A package's archive cannot be unpacked.",
  "packages/gone": "The mirror does not have a locked package any more.",
  "packages/not-found": "No package has that name.",
  "packages/no-version": "No version of the package fits what is asked of it.",
  "packages/unsatisfiable": "A dependency cannot be fulfilled.",
  "packages/conflict": "Packages that are needed together exclude one another.",
  "packages/no-such-file": "A package does not have a path that the profile takes from it.",
  "packages/no-command": "An obtained tool is not in the packages that should have it.",

  "image/disk-too-small": "The contents do not fit the disk size that the profile asks for.",
  "image/conflict": "Two parts of the profile put different things at the same path of the image.",
  "image/missing-library": "A program of the image needs a library or loader that is not in it.",
  "image/missing-program": "The profile asks for something whose program is not in the image.",
  "image/no-kernel": "No package brings a kernel, or the kernel file cannot be used.",
  "image/unknown-module": "The kernel has no module of that name.",
  "image/unsupported": "A format cannot hold what the profile asks of it.",
  "image/not-found": "The image file cannot be read, or no image has that name.",
  "image/damaged": "An image, or a file system in it, breaks its format's rules.",
  "image/not-an-image": "The file is not a disk image of a known format, or is damaged.",

  "cloud/instance-died": "The instance ended by itself.",
  "cloud/image-in-use": "An instance still runs from the image.",
  "cloud/no-image": "The provider has no image of that name.",
  "cloud/boot-timeout": "The instance did not finish booting in time.",

  "check/failed": "A smoke check did not pass before its deadline.",
  "check/host-key": "The ssh server showed another host key than the instance printed on its console.",
  "check/instance-died": "The instance ended before its checks were done.",
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof errorCodes;
