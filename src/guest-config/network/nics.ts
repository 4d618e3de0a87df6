import type { Host } from "../initializer/host.ts";

/** A network card of this machine. */
export interface Nic {
  readonly name: string;
  /** Its own, whatever it has been given since. Of InfiniBand, 20 bytes. */
  readonly mac: string;
  readonly isUp: boolean;
  /** Only a card that is up knows. */
  readonly hasCarrier: boolean;
  readonly driver?: string | undefined;
  /** Before we have renamed it. */
  readonly firstName?: string | undefined;
}

/** What cards had before we have changed it, by the name they have now. */
export type FirstCards = Readonly<Record<string, { readonly name: string; readonly mac: string }>>;

const root = "/sys/class/net";
const iffUp = 1;
/** ARPHRD_ETHER and ARPHRD_INFINIBAND of linux/if_arp.h. */
const cardTypes = ["1", "32"];

/** Network cards in natural order, `eth0` before `eth10`; no loopback, tunnels, bonds, VLANs or bridges, and no halves of a failover pair. */
export function listNics(host: Host, firstCards: FirstCards = {}): Nic[] {
  const nics = host.list(root).flatMap((name): Nic[] => {
    if (name === "lo" || name.startsWith("veth")) return [];
    const read = (file: string) => host.readText(`${root}/${name}/${file}`)?.trim() ?? "";
    if (!cardTypes.includes(read("type")) || /^DEVTYPE=(bond|vlan|bridge|vxlan|gre)$/m.test(read("uevent"))) return [];
    let mac = read("address");
    if (host.readLink(`${root}/${name}/master`) !== undefined) {
      // The members of a bond show its address.
      const own = read("bonding_slave/perm_hwaddr");
      if (own === "" && host.attributes(`${root}/${name}/brport`) === undefined) return [];
      mac = own || mac;
    }
    const first = firstCards[name];
    return [
      {
        name,
        mac: (first?.mac ?? mac).toLowerCase(),
        isUp: (Number(read("flags")) & iffUp) !== 0,
        hasCarrier: read("carrier") === "1",
        driver: host.readLink(`${root}/${name}/device/driver`)?.replace(/^.*\//, ""),
        ...(first === undefined ? {} : { firstName: first.name }),
      },
    ];
  });
  return nics.sort((a, b) => compareNaturally(a.name, b.name));
}

/**
 * The address by which documents name an InfiniBand card: six of its twenty bytes, as an Ethernet card would have them (RFC 4391 section 8: the port's GUID is in the last eight, with
 * ff:fe or the like in their middle).
 */
export function shortMac(mac: string): string {
  const bytes = mac.split(":");
  return bytes.length === 20 ? [...bytes.slice(12, 15), ...bytes.slice(17)].join(":") : mac;
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
