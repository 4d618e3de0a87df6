import type { Profile } from "../../profile/schema.ts";
import { fstab, type RootMounts } from "./mounts.ts";
import type { TreeMaker } from "./tree-maker.ts";

/** The files of /etc that say what this system is and how it is put together, but for accounts and services. */
export function addSystemFiles(maker: TreeMaker, profile: Profile, mounts: RootMounts): void {
  const { image, instance } = profile;
  const hostname = instance.hostname ?? image.name;
  maker.file("/etc/hostname", `${hostname}\n`);
  maker.file("/etc/hosts", hosts(hostname));
  maker.file("/etc/nsswitch.conf", nsswitch);
  maker.file("/etc/fstab", fstab(mounts));
  maker.file("/usr/lib/os-release", osRelease(image));
  maker.link("/etc/os-release", "../usr/lib/os-release");
  maker.file("/etc/resolv.conf", "# Written by cloudimg-init when the network is up.\n");
  maker.file("/etc/issue", `${image.name} ${image.version} \\n \\l\n\n`);
  maker.file("/etc/profile", shellProfile);
  maker.file("/etc/modules", "");
  maker.directory("/etc/dropbear");
}

function hosts(hostname: string): string {
  return [
    "127.0.0.1\tlocalhost",
    `127.0.1.1\t${hostname}`,
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    "",
  ].join("\n");
}

const nsswitch = `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
`;

const shellProfile = `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
export PS1='\\u@\\h:\\w\\$ '
umask 022
for file in /etc/profile.d/*.sh; do
  [ -r "$file" ] && . "$file"
done
unset file
`;

/** os-release(5). */
function osRelease({ name, version }: Profile["image"]): string {
  const fields = {
    ID: "cloudimg",
    ID_LIKE: "debian",
    NAME: "cloudimg",
    PRETTY_NAME: `${name} ${version} (cloudimg)`,
    IMAGE_ID: name,
    IMAGE_VERSION: version,
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${/^[A-Za-z0-9._-]+$/.test(value) ? value : quoted(value)}\n`)
    .join("");
}

function quoted(value: string): string {
  return `"${value.replace(/[\\"$`]/g, "\\$&")}"`;
}
