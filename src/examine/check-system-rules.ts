import type { Tree } from "../core/tree.ts";
import type { RuleName } from "../providers/image-rules.ts";
import { type Found, type RuleCheck, say } from "./check-disk-rules.ts";
import type { CheckFacts } from "./check-facts.ts";
import { datasourcesOf, isCloudInitOff } from "./cloud-init.ts";
import { readText } from "./owners.ts";
import { staticNetworks } from "./static-network.ts";

const none: readonly Found[] = [];

/** Device names that another machine gives other disks: Linux, Documentation/admin-guide/devices.txt. */
const deviceName = /^\/dev\/([hsvx]d|nvme|xvd|mmcblk|disk\/by-(id|path)\/)/;
/** The second disk and those behind it. */
const furtherDisk = /^\/dev\/((h|s|v|xv)d[b-z]|nvme[1-9]|mmcblk[1-9])/;
/** What is no disk. */
const virtualTypes = /^(tmpfs|proc|sysfs|devtmpfs|devpts|overlay|cgroup2?|swap|none|efivarfs|securityfs|debugfs)$/;

/** Rules about the system in the root. Without a root there is nothing to say: "no-root" and "root-unreadable" say that. */
export const systemRules = {
  "fstab-device-names": ({ fstab }) =>
    fstab
      .filter(({ device }) => deviceName.test(device))
      .map(({ device, directory }) => ({
        message: `/etc/fstab ${usesFor(directory)} by the name ${device}`,
        fix: "name it by UUID=…",
      })),
  "fstab-other-disks": (facts) => {
    return facts.fstab
      .filter(({ device, type }) => !virtualTypes.test(type) && !isOnDisk(facts, device))
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
  "no-initializer": ({ root, cmdlines }) => {
    if (root === undefined || hasOwnInitializer(root.tree)) return none;
    if (hasCloudInit(root.tree))
      return isCloudInitOff(root.tree, cmdlines)
        ? say(
            "its cloud-init is switched off",
            "remove /etc/cloud/cloud-init.disabled, or cloud-init=disabled from the kernel's command line",
          )
        : none;
    return say(
      "it has no cloud-init, nor anything else that obeys what the cloud tells an instance",
      "install cloud-init, or build the image with cloudimg",
    );
  },
  "other-datasources": ({ root }, { datasources, title }) => {
    const own = root !== undefined && hasCloudInit(root.tree) ? datasourcesOf(root.tree) : undefined;
    return own === undefined || datasources === undefined || datasources.some((name) => own.includes(name))
      ? none
      : say(
          `its cloud-init looks for ${own.join(", ") || "nothing"}, not for ${title}'s ${datasources.join(" or ")}`,
          "change datasource_list in /etc/cloud/cloud.cfg.d",
        );
  },
  "static-network": ({ root }) =>
    root === undefined
      ? none
      : staticNetworks(root.tree).map((path) => ({
          message: `${path} gives a network card an address of its own`,
          fix: "let the card ask for its address by DHCP",
        })),
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

function usesFor(directory: string): string {
  return directory === "none" || directory === "swap" ? "uses swap space" : `mounts ${directory}`;
}

/** Whether what a line of fstab names is on this disk; also true if that cannot be told. */
function isOnDisk({ inspection, volumes }: CheckFacts, device: string): boolean {
  if (furtherDisk.test(device)) return false;
  const [, word, quoted] =
    /^(UUID|LABEL|PARTUUID|PARTLABEL)=(.*)$/.exec(device.replace(byLink, (_, kind) => `${kind.toUpperCase()}=`)) ?? [];
  const name = quoted?.replace(/^"(.*)"$/, "$1").toLowerCase();
  if (word === undefined || name === undefined) return true;
  const isUnreadable = volumes.some(({ isReadable, kind }) => !isReadable && kind !== undefined && kind !== "swap");
  const systems = inspection.volumes.flatMap(({ fileSystem }) => fileSystem ?? []);
  const known = {
    UUID: systems.map(({ uuid }) => uuid),
    LABEL: systems.map(({ label }) => label),
    PARTUUID: inspection.partitions.map(({ id }) => id),
    PARTLABEL: inspection.partitions.map(({ name: each }) => each),
  }[word as "UUID"];
  return (!word.startsWith("PART") && isUnreadable) || known.some((each) => each.toLowerCase() === name);
}

const byLink = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\//;

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

export function hasCloudInit(tree: Tree): boolean {
  return has(tree, ["/usr/bin/cloud-init", "/usr/local/bin/cloud-init"]);
}

export function hasOwnInitializer(tree: Tree): boolean {
  return has(tree, ["/usr/sbin/cloudimg-init"]);
}

function hasUdev(tree: Tree): boolean {
  return has(tree, ["/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd", "/sbin/udevd", "/usr/sbin/udevd"]);
}

function firewallOf(tree: Tree): readonly Found[] {
  if (/^\s*ENABLED=yes/m.test(readText(tree, "/etc/ufw/ufw.conf") ?? ""))
    return say("the firewall ufw is on", "ufw disable");
  const [found] = enabledServices(tree).filter(([, name]) =>
    /^(firewalld|nftables|ip6?tables|netfilter-persistent|shorewall|awall)$/.test(name),
  );
  if (found !== undefined) return say(`the firewall ${found[1]} starts at boot`, `disable the service ${found[1]}`);
  return none;
}

/** By systemd's targets and OpenRC's runlevels. */
function enabledServices(tree: Tree): [directory: string, name: string][] {
  const below = (base: string, names: RegExp) =>
    tree
      .list(base)
      .filter((name) => names.test(name))
      .flatMap((directory) =>
        tree
          .list(`${base}/${directory}`)
          .map((name) => [directory, name.replace(/\.service$/, "")] as [string, string]),
      );
  return [...below("/etc/systemd/system", /\.wants$/), ...below("/etc/runlevels", /./)];
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
