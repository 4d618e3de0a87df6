import type { Tree } from "../core/tree.ts";
import type { RuleName } from "../providers/image-rules.ts";
import { type Found, type RuleCheck, say } from "./check-disk-rules.ts";
import type { CheckFacts } from "./check-facts.ts";
import { readText } from "./owners.ts";

const none: readonly Found[] = [];

/** Device names that another machine gives other disks: Linux, Documentation/admin-guide/devices.txt. */
const deviceName = /^\/dev\/([hsvx]d|nvme|xvd|mmcblk)/;
/** What is no disk. */
const virtualTypes = /^(tmpfs|proc|sysfs|devtmpfs|devpts|overlay|cgroup2?|swap|none|auto|efivarfs|securityfs|debugfs)$/;

/** Rules about the system in the root. Without a root there is nothing to say: "no-root" and "root-unreadable" say that. */
export const systemRules = {
  "fstab-device-names": ({ fstab }) =>
    fstab
      .filter(({ device }) => deviceName.test(device))
      .map(({ device, directory }) => ({
        message: `/etc/fstab mounts ${directory} by the name ${device}`,
        fix: "name it by UUID=…",
      })),
  "fstab-other-disks": (facts) => {
    const known = new Set(
      facts.inspection.volumes.flatMap(({ fileSystem }) => fileSystem?.uuid.toLowerCase() ?? []).filter(Boolean),
    );
    const unreadable = facts.volumes.some(({ isReadable, kind }) => !isReadable && kind !== undefined);
    return facts.fstab
      .filter(({ device, type, directory }) => {
        const uuid = /^UUID="?([0-9a-fA-F-]+)"?$/.exec(device)?.[1]?.toLowerCase();
        return (
          uuid !== undefined && !known.has(uuid) && !unreadable && !virtualTypes.test(type) && directory !== "none"
        );
      })
      .map(({ device, directory }) => ({
        message: `/etc/fstab mounts ${directory} from ${device}, which is not on this disk`,
        fix: "remove the line",
      }));
  },
  "root-device-name": ({ cmdlines }) => {
    const named = [...new Set(cmdlines.flatMap((line) => /(?:^|\s)root=(\/dev\/\S+)/.exec(line)?.[1] ?? []))];
    return named
      .filter((name) => deviceName.test(name))
      .map((name) => ({
        message: `the kernel's command line names the root ${name}`,
        fix: "use root=UUID=… or root=PARTUUID=…",
      }));
  },
  "no-virtio": ({ drivers, root }) =>
    root === undefined
      ? none
      : missingDriver(drivers, "virtio_blk", "disk", true, "virtio_scsi").concat(
          missingDriver(drivers, "virtio_net", "network", false),
        ),
  "no-nvme": ({ drivers, root }) => (root === undefined ? none : missingDriver(drivers, "nvme", "NVMe", true)),
  "no-initializer": ({ root }) =>
    root !== undefined && !hasCloudInit(root.tree) && !hasOwnInitializer(root.tree)
      ? say(
          "it has no cloud-init, nor anything else that obeys what the cloud tells an instance",
          "install cloud-init, or build the image with cloudimg",
        )
      : none,
  "own-initializer": ({ root }) =>
    root !== undefined && !hasCloudInit(root.tree) && hasOwnInitializer(root.tree)
      ? say("it has cloudimg-init instead of cloud-init", "nothing to do: it reads the same settings")
      : none,
  "no-ssh": ({ root }) =>
    root !== undefined &&
    !has(root.tree, ["/usr/sbin/sshd", "/usr/sbin/dropbear", "/usr/bin/dropbear", "/usr/bin/sshd"])
      ? say("it has no ssh server that we know", "add dropbear-bin or openssh-server")
      : none,
  "guest-agent": ({ root }) =>
    root !== undefined && has(root.tree, ["/usr/sbin/qemu-ga", "/usr/bin/qemu-ga"])
      ? say("it has qemu-guest-agent", "remove the package")
      : none,
  firewall: ({ root }) => (root === undefined ? none : firewallOf(root.tree)),
  selinux: ({ root }) =>
    root !== undefined && /^\s*SELINUX=enforcing/m.test(readText(root.tree, "/etc/selinux/config") ?? "")
      ? say("SELinux is enforcing", "set SELINUX=permissive in /etc/selinux/config, or be sure that its policy fits")
      : none,
  "persistent-network-names": ({ root }) =>
    root !== undefined && /^\s*[^#\s]/m.test(readText(root.tree, "/etc/udev/rules.d/70-persistent-net.rules") ?? "")
      ? say("/etc/udev/rules.d/70-persistent-net.rules names network cards of another machine", "remove the file")
      : none,
  "other-network-names": ({ root, cmdlines }) =>
    root !== undefined &&
    hasUdev(root.tree) &&
    cmdlines.length > 0 &&
    !cmdlines.some((line) => /net\.ifnames=0/.test(line))
      ? say("network cards will not be called eth0, eth1, …", "put net.ifnames=0 on the kernel's command line")
      : none,
  "no-serial-console": ({ cmdlines, root }) =>
    root !== undefined && cmdlines.length > 0 && !cmdlines.some((line) => /console=tty(S|AMA)\d/.test(line))
      ? say(
          "nothing is printed on the serial console",
          "put console=tty0 console=ttyS0,115200 on the kernel's command line",
        )
      : none,
  "no-shadow": ({ root }) =>
    root !== undefined && root.tree.resolve("/etc/shadow") === undefined
      ? say("it has no /etc/shadow", "add one, with locked passwords")
      : none,
  "no-issue": ({ root }) =>
    root !== undefined && root.tree.resolve("/etc/issue") === undefined
      ? say("it has no /etc/issue", "add one that names the system")
      : none,
  secrets: ({ inspection }) => secretsIn(inspection),
} as const satisfies Partial<Record<RuleName, RuleCheck>>;

function missingDriver(
  drivers: CheckFacts["drivers"],
  name: string,
  what: string,
  early: boolean,
  instead?: string,
): Found[] {
  const place = drivers.place(name);
  const isThere = (each: string) =>
    each === "built in" || each === "initrd" || each === "unknown" || (!early && each === "system");
  if (isThere(place) || (instead !== undefined && isThere(drivers.place(instead)))) return [];
  const driver = `the ${what} driver ${name}`;
  return place === "system"
    ? [
        {
          message: `${driver} is not in the initrd, where it is needed to find the root`,
          fix: `add ${name} to kernel.initrdModules, or to /etc/initramfs-tools/modules`,
        },
      ]
    : [
        {
          message: `the kernel has no ${what} driver ${name}`,
          fix: `add ${name} to kernel.modules, or use another kernel`,
        },
      ];
}

function has(tree: Tree, paths: readonly string[]): boolean {
  return paths.some((path) => tree.resolve(path) !== undefined);
}

function hasCloudInit(tree: Tree): boolean {
  return has(tree, ["/usr/bin/cloud-init", "/usr/local/bin/cloud-init"]);
}

function hasOwnInitializer(tree: Tree): boolean {
  return has(tree, ["/usr/sbin/cloudimg-init"]);
}

function hasUdev(tree: Tree): boolean {
  return has(tree, ["/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd", "/sbin/udevd", "/usr/sbin/udevd"]);
}

function firewallOf(tree: Tree): readonly Found[] {
  const wants = "/etc/systemd/system/multi-user.target.wants";
  if (/^\s*ENABLED=yes/m.test(readText(tree, "/etc/ufw/ufw.conf") ?? ""))
    return say("the firewall ufw is on", "ufw disable");
  for (const name of ["firewalld.service", "nftables.service", "iptables.service"])
    if (tree.get(`${wants}/${name}`) !== undefined)
      return say(`the firewall ${name} starts at boot`, `systemctl disable ${name}`);
  return none;
}

/** What every instance of the image would share. Which passwords and keys these are is not told. */
function secretsIn({ root }: CheckFacts["inspection"]): readonly Found[] {
  if (root === undefined) return none;
  const { sshHostKeys, machineId, logins } = root.system;
  const found: Found[] = [];
  if (sshHostKeys.length > 0)
    found.push({
      message: `it has ssh host keys (${sshHostKeys.join(", ")}): whoever has the image can pose as any instance`,
      fix: "remove them; they are made on first boot",
    });
  if (machineId === "set")
    found.push({ message: "it has a machine id, which all instances would share", fix: "empty /etc/machine-id" });
  for (const { name, password } of logins)
    if (password !== "none")
      found.push({
        message: `the account ${name} has ${password === "empty" ? "an empty" : "a"} password in the image`,
        fix: `lock it: passwd -l ${name}`,
      });
  return found;
}
