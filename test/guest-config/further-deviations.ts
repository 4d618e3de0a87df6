/** Where we differ from cloud-init on purpose and no recorded case shows it. */
export interface FurtherDeviation {
  readonly area: string;
  readonly cloudInit: string;
  readonly here: string;
  readonly reason: string;
}

export const furtherDeviations: readonly FurtherDeviation[] = [
  {
    area: "sources",
    cloudInit: "a drive with one damaged document is rejected whole",
    here: "it is read as far as possible, and used if there is no better source",
    reason: "half a configuration may still be a way in",
  },
  {
    area: "sources",
    cloudInit: "a drive that is gone at a later boot can reset the network to DHCP",
    here: "name, network and user data stay as the source last gave them",
    reason: "some clouds detach the drive after the first boot",
  },
  {
    area: "sources",
    cloudInit: "sources may wait for minutes, some without end",
    here: "every source has 19 seconds at most",
    reason: "a boot must end",
  },
  {
    area: "sources",
    cloudInit: "a machine of QEMU whose random UUID begins with `ec2` is taken for Amazon's",
    here: "QEMU's machine has to say so by its serial number too",
    reason: "one random UUID in 2048 begins so",
  },
  {
    area: "sources",
    cloudInit: "Tencent's and Alibaba's `os.conf` are not read",
    here: "they are read as data, and Tencent's is obeyed at every boot",
    reason: "it is all that imported images get from some hosts",
  },
  {
    area: "network",
    cloudInit: "a card that the document names and the machine has not makes the whole document fail",
    here: "the others are configured; the card is waited for up to 5 seconds and may be reported",
    reason: "half a network may still be a way in",
  },
  {
    area: "network",
    cloudInit: "`network_data.json` without links configures no card at all",
    here: "it says nothing: DHCP on the best card",
    reason: "some clouds write `{}`",
  },
  {
    area: "network",
    cloudInit: "`network-config` without a good `version` is no configuration",
    here: "a list under `config` is version 1, all else version 2, and that is reported",
    reason: "the meaning is plain",
  },
  {
    area: "YAML",
    cloudInit: "52:54:00:12:34:56 without quotes may be a number to base 60, 2030-12-31 a date",
    here: "both stay texts",
    reason: "who writes so means a MAC address, or the text",
  },
  {
    area: "user data",
    cloudInit: "templates (`## template: jinja`) and part handlers are run",
    here: "both are reported, and the rest is obeyed",
    reason: "they need Python",
  },
  {
    area: "user data",
    cloudInit: "packages, apt, snap, puppet and the like are installed or set up",
    here: "one line for each such key; status `degraded`",
    reason: "the images have no package manager",
  },
  {
    area: "user data",
    cloudInit: "a command or script may run for ever",
    here: "it is killed at its time limit and reported",
    reason: "a boot must end",
  },
  {
    area: "user data",
    cloudInit: "`locale` has one generated",
    here: "it is written where the image has a file for it, and reported where not",
    reason: "small images have no locales",
  },
  {
    area: "access",
    cloudInit: "root gets the keys with a command that only says who may log in",
    here: "only with `disable_root: true`; without a word on it root keeps the keys that the image gives it",
    reason: "root is the default user of most images made here",
  },
  {
    area: "disks",
    cloudInit: "`overwrite: true` says enough",
    here: "besides, nothing is written to a disk or partition that is in use",
    reason: "no document is worth a mounted file system",
  },
  {
    area: "disks",
    cloudInit: "`fs_setup` makes nothing without a program for the file system",
    here: "ext4 becomes ext2, and that is reported, if the image has no mkfs.ext4",
    reason: "busybox can make ext2, which the same driver reads",
  },
];
