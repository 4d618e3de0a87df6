import type { Host } from "../initializer/host.ts";

/** A network card of this machine. */
export interface Nic {
  readonly name: string;
  readonly mac: string;
  readonly isUp: boolean;
  /** Only a card that is up knows. */
  readonly hasCarrier: boolean;
}

const root = "/sys/class/net";
const iffUp = 1;
/** ARPHRD_ETHER and ARPHRD_INFINIBAND of linux/if_arp.h. */
const cardTypes = ["1", "32"];

/** Network cards in natural order, `eth0` before `eth10`; no loopback, tunnels, bonds, VLANs or bridges. */
export function listNics(host: Host): Nic[] {
  const names = host.list(root).filter((name) => {
    const read = (file: string) => host.readText(`${root}/${name}/${file}`)?.trim();
    const isStacked = /^DEVTYPE=(bond|vlan|bridge|vxlan|gre)$/m.test(read("uevent") ?? "");
    return name !== "lo" && !name.startsWith("veth") && cardTypes.includes(read("type") ?? "") && !isStacked;
  });
  return names.sort(compareNaturally).map((name) => {
    const read = (file: string) => host.readText(`${root}/${name}/${file}`)?.trim() ?? "";
    return {
      name,
      mac: read("address").toLowerCase(),
      isUp: (Number(read("flags")) & iffUp) !== 0,
      hasCarrier: read("carrier") === "1",
    };
  });
}

/** The one to try when nobody says which: with carrier if there is one, eth0 before all others. */
export function bestNic(nics: readonly Nic[]): Nic | undefined {
  const eth0First = [...nics].sort((a, b) => Number(b.name === "eth0") - Number(a.name === "eth0"));
  return eth0First.find((nic) => nic.hasCarrier) ?? eth0First[0];
}

export function compareNaturally(a: string, b: string): number {
  const split = (text: string) => text.split(/(\d+)/);
  const [left, right] = [split(a), split(b)];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [x, y] = [left[index] as string, right[index] as string];
    if (x === y) continue;
    return index % 2 === 1 && Number(x) !== Number(y) ? Number(x) - Number(y) : x < y ? -1 : 1;
  }
  return left.length - right.length;
}
