import type { InterfaceState, NetworkState, RouteState } from "../network-state.ts";
import { bareInterface, markOnLink, readAddress, readGateway, readMac, readNameservers, readRoute } from "./subnet.ts";

/** What a cloud tells an image that has no cloud-init. */
export interface OsConf {
  readonly hostname?: string | undefined;
  /** As the file has it: Tencent's is a crypt hash, Alibaba's is base64 of the password itself. An empty one is not in here. */
  readonly passwordHash?: string | undefined;
  readonly passwordUser: string;
  readonly network?: NetworkState | undefined;
  readonly problems: readonly string[];
}

/**
 * Reads `os.conf`, lines of KEY=VALUE: Tencent's on a CD-ROM (product/213/12849), Alibaba's in the first partition (Customized Linux). It is data, never shell: a password may hold anything.
 * Keys of the card N are `ethN_ip_addr`, `ethN_mac_addr`, `ethN_netmask`, `ethN_gateway`; Alibaba's `ethN_route` holds `destination gateway` pairs between semicolons, and all default routes
 * are among them, so that a gateway beside it is none.
 */
export function parseOsConf(text: string): OsConf {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, key, value = ""] = /^\s*([A-Za-z]\w*)\s*=(.*)$/.exec(line) ?? [];
    if (key !== undefined) values.set(key, unquote(value.trim()));
  }
  const problems: string[] = [];
  const numbers = [...values.keys()].flatMap((key) => /^eth(\d{1,4})_/.exec(key)?.[1] ?? []);
  const cards = [...new Set(numbers.map(Number))].sort((a, b) => a - b);
  const interfaces = cards.map((card) => readCard(`eth${card}`, values, problems));
  const nameservers = readNameservers(values.get("dns_nameserver"), { what: "os.conf", problems });
  return {
    hostname: values.get("hostname") || undefined,
    passwordHash: values.get("password") || undefined,
    passwordUser: "root",
    ...(interfaces.length === 0 ? {} : { network: { interfaces, nameservers, search: [] } }),
    problems,
  };
}

function unquote(text: string): string {
  return /^(["']).*\1$/.test(text) && text.length > 1 ? text.slice(1, -1) : text;
}

function readCard(id: string, values: ReadonlyMap<string, string>, problems: string[]): InterfaceState {
  const finding = { what: `os.conf: ${id}`, problems };
  const value = (key: string) => values.get(`${id}_${key}`)?.trim() || undefined;
  const mac = readMac(value("mac_addr"));
  if (mac === undefined && value("mac_addr") !== undefined)
    problems.push(`${finding.what} has a bad mac_addr: ${value("mac_addr")}`);
  const text = value("ip_addr");
  const isStatic = text !== undefined && ![text, value("bootproto")].some((word) => word?.toLowerCase() === "dhcp");
  const address = isStatic ? readAddress(text, value("netmask"), finding) : undefined;
  const addresses = address === undefined ? [] : [address];
  const routes: RouteState[] =
    value("route") === undefined
      ? readGateway(value("gateway"), undefined, finding)
      : readRoutes(value("route"), finding);
  return {
    ...bareInterface,
    kind: "physical",
    id,
    // Found by its MAC address, a card keeps the name that it has.
    ...(mac === undefined ? { name: id } : { mac }),
    // Whatever is wrong with the address: better one from a server than none.
    dhcp4: address === undefined,
    addresses,
    routes: address === undefined ? [] : markOnLink(routes, addresses),
  };
}

function readRoutes(list = "", finding: { what: string; problems: string[] }): RouteState[] {
  return list.split(";").flatMap((pair) => {
    const [to, via] = pair.trim().split(/\s+/);
    return to ? (readRoute({ to, via }, finding) ?? []) : [];
  });
}
