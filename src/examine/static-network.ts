import type { Tree } from "../core/tree.ts";
import { readText } from "./owners.ts";

/** For each way to set a network up: where its files are, and which of them give an address of their own. */
const kinds: readonly (readonly [directory: string, names: RegExp, isStatic: (text: string) => boolean])[] = [
  ["/etc/network", /^interfaces$/, (text) => /^\s*iface\s+(?!lo\s)\S+\s+inet\s+static/m.test(text)],
  ["/etc/network/interfaces.d", /./, (text) => /^\s*iface\s+(?!lo\s)\S+\s+inet\s+static/m.test(text)],
  [
    "/etc/sysconfig/network-scripts",
    /^ifcfg-(?!lo$)/,
    (text) => /^\s*IPADDR\d*=/m.test(text) && !/^\s*BOOTPROTO=["']?dhcp/im.test(text),
  ],
  ["/etc/NetworkManager/system-connections", /./, (text) => /^\[ipv4\][^[]*^method=manual/m.test(text)],
  ["/etc/netplan", /\.yaml$/, (text) => /^\s*addresses:/m.test(text) && !/^\s*dhcp4:\s*(true|yes|on)/im.test(text)],
  [
    "/etc/systemd/network",
    /\.network$/,
    (text) => /^\s*Address=/m.test(text) && !/^\s*DHCP=\s*(yes|ipv4)/m.test(text) && !/^\s*Name=lo\s*$/m.test(text),
  ],
];

/** The files that give a network card an address instead of asking for one. What cloud-init wrote it writes anew. */
export function staticNetworks(tree: Tree): string[] {
  return kinds.flatMap(([directory, names, isStatic]) =>
    tree
      .list(tree.resolve(directory) ?? directory)
      .filter((name) => names.test(name))
      .map((name) => `${directory}/${name}`)
      .filter((path) => {
        const text = readText(tree, path) ?? "";
        return !/cloud-init/.test(path + text) && isStatic(text);
      }),
  );
}
