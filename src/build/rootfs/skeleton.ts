import type { TreeMaker } from "./tree-maker.ts";

/** The Filesystem Hierarchy Standard's directories with Debian's modes (package base-files), where they are not root's and 0755. */
const modes: Readonly<Record<string, number>> = {
  "/root": 0o700,
  "/tmp": 0o1777,
  "/var/tmp": 0o1777,
};

const directories = [
  ..."/boot /dev /etc /home /media /mnt /opt /proc /root /run /srv /sys /tmp".split(" "),
  ..."/usr/bin /usr/lib /usr/lib64 /usr/sbin /usr/share /usr/local/bin /usr/local/sbin".split(" "),
  ..."/var/cache /var/lib /var/log /var/spool /var/tmp".split(" "),
];

/** Debian 12 and later are usr-merged: programs and loaders are still asked for by their old paths. */
const links: Readonly<Record<string, string>> = {
  "/bin": "usr/bin",
  "/sbin": "usr/sbin",
  "/lib": "usr/lib",
  "/lib64": "usr/lib64",
  "/var/run": "/run",
  "/var/lock": "/run/lock",
};

/** The directories and links that every system has and no package need bring. */
export function addSkeleton(maker: TreeMaker): void {
  for (const path of directories) maker.directory(path, { mode: modes[path] ?? 0o755 });
  for (const [path, target] of Object.entries(links)) maker.link(path, target);
}
