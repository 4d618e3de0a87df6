import { asTexts } from "../initializer/json-values.ts";
import type { InterfaceState, ParsedNetwork } from "../network-state.ts";
import {
  bareInterface,
  type Finding,
  markOnLink,
  readAddress,
  readGateway,
  readMac,
  readNameservers,
  unique,
} from "./subnet.ts";

/**
 * What an initrd has left in /run/net-NIC.conf and net6-NIC.conf when the kernel's command line has `ip=` (klibc's ipconfig, dracut): shell assignments. These cards stay as they are, since
 * the root may be on the network.
 *
 * @param files text by file name
 * @param macs by name of card
 */
export function parseKlibc(
  files: Readonly<Record<string, string>>,
  macs: Readonly<Record<string, string>>,
): ParsedNetwork {
  const problems: string[] = [];
  const cards = new Map<string, InterfaceState>();
  for (const [file, text] of Object.entries(files)) {
    const values = assignments(text);
    const fromFile = /^net6?-(.+)\.conf$/.exec(file.slice(file.lastIndexOf("/") + 1))?.[1];
    const name = values.get("DEVICE") ?? values.get("DEVICE6") ?? fromFile;
    if (name === undefined) problems.push(`${file} names no card`);
    else cards.set(name, merge(cards.get(name), readCard(name, values, { what: file, problems }, macs)));
  }
  const interfaces = [...cards.values()];
  return interfaces.length === 0 ? { problems } : { network: { interfaces, nameservers: [], search: [] }, problems };
}

/** Empty ones and 0.0.0.0 are as good as none. */
function assignments(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, key, raw = ""] = /^\s*(?:export\s+)?(\w+)=(.*)$/.exec(line) ?? [];
    const value = raw.trim().replace(/^(["'])(.*)\1$/, "$2");
    if (key !== undefined && value !== "" && value !== "0.0.0.0" && value !== "::") values.set(key, value);
  }
  return values;
}

function readCard(
  name: string,
  values: ReadonlyMap<string, string>,
  finding: Finding,
  macs: Readonly<Record<string, string>>,
): InterfaceState {
  const mac = Object.hasOwn(macs, name) ? readMac(macs[name]) : undefined;
  const protocol = values.get("PROTO") ?? (values.has("filename") ? "dhcp" : "none");
  const isV6 = protocol.endsWith("6");
  const v4 = readFamily("IPV4", isV6 ? "none" : protocol, values, finding);
  const v6 = readFamily("IPV6", values.get("IPV6PROTO") ?? (isV6 ? protocol : "none"), values, finding);
  const addresses = [...v4.addresses, ...v6.addresses];
  const searches = ["DOMAINSEARCH", "IPV6DOMAINSEARCH"].map((key) => values.get(key));
  return {
    ...bareInterface,
    kind: "physical",
    name,
    mac,
    dhcp4: v4.isDynamic,
    dhcp6: v6.isDynamic ? "stateful" : undefined,
    slaac: v6.isAutomatic,
    addresses,
    routes: markOnLink([...v4.routes, ...v6.routes], addresses),
    nameservers: unique([...v4.nameservers, ...v6.nameservers]),
    search: unique(searches.flatMap(asTexts)),
    isManual: true,
  };
}

function readFamily(key: "IPV4" | "IPV6", protocol: string, values: ReadonlyMap<string, string>, finding: Finding) {
  const isDynamic = /^(dhcp6?|bootp|both|rarp|on|any)$/i.test(protocol);
  const isAutomatic = key === "IPV6" && /^(auto|ra|auto6|slaac)$/i.test(protocol);
  const ip = isDynamic || isAutomatic ? undefined : values.get(`${key}ADDR`);
  const address = ip === undefined ? undefined : readAddress(ip, values.get(`${key}NETMASK`), finding);
  const servers = [0, 1, 2].flatMap((index) => values.get(`${key}DNS${index}`) ?? []);
  return {
    isDynamic,
    isAutomatic,
    addresses: address === undefined ? [] : [address],
    routes: address === undefined ? [] : readGateway(values.get(`${key}GATEWAY`), undefined, finding),
    nameservers: readNameservers(servers, finding),
  };
}

/** A card may have a file for each family. */
function merge(a: InterfaceState | undefined, b: InterfaceState): InterfaceState {
  if (a === undefined) return b;
  return {
    ...a,
    dhcp4: a.dhcp4 || b.dhcp4,
    dhcp6: a.dhcp6 ?? b.dhcp6,
    slaac: a.slaac || b.slaac,
    addresses: unique([...a.addresses, ...b.addresses]),
    routes: [
      ...a.routes,
      ...b.routes.filter((route) => !a.routes.some(({ to, via }) => to === route.to && via === route.via)),
    ],
    nameservers: unique([...a.nameservers, ...b.nameservers]),
    search: unique([...a.search, ...b.search]),
  };
}
