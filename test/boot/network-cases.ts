import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatPrefix, networkOf, parsePrefix } from "../../src/guest-config/ip.ts";

/** A recorded case of ../shared/conformance, as far as it concerns us here; the folder's README says what it means. */
export interface NetworkCase {
  readonly name: string;
  readonly input: unknown;
  readonly env?: { readonly known_macs?: Record<string, string>; readonly interfaces_by_mac?: Record<string, string> };
  readonly expected_error?: string;
  readonly expected_normalized: {
    readonly interfaces: Readonly<Record<string, Interface>>;
    readonly effective: {
      readonly interfaces: Readonly<Record<string, { addresses: string[]; routes: Route[]; bond?: Bond }>>;
      readonly unassigned_routes: readonly Route[];
      readonly nameservers: readonly string[];
      readonly search: readonly string[];
    };
  };
}
interface Bond {
  readonly members: readonly string[];
  readonly params: Readonly<Record<string, unknown>>;
}
interface Route {
  readonly to: string;
  readonly via?: string | null | undefined;
  readonly metric?: number | null;
  readonly table?: number | null;
}
interface Interface {
  readonly type: string;
  readonly mac: string | null;
  /** By family where a document says so. */
  readonly mtu: number | Readonly<Record<"4" | "6", number>> | null;
  readonly subnet_mtu?: Interface["mtu"];
  readonly dhcp4: boolean;
  readonly dhcp6: boolean;
  readonly slaac: boolean;
  readonly accept_ra: boolean | null;
  readonly match_driver?: unknown;
  readonly set_name?: string;
  readonly match?: { readonly name?: string };
  readonly bond_master?: string;
  readonly bridge?: { readonly ports: readonly string[]; readonly params: Readonly<Record<string, unknown>> };
  readonly vlan?: { readonly id: number; readonly link: string };
}

const directory = fileURLToPath(new URL("../../../shared/conformance/", import.meta.url));

/**
 * Cases that need nobody else on the wire, and no card that veth cannot stand for. Of those that differ only in addresses and names, one is enough to show that a kernel takes what we plan; with
 * CLOUDIMG_ALL_CASES=1 it is all.
 */
export function staticCases(): NetworkCase[] {
  const all = networkCases().filter(({ expected_normalized: { interfaces } }) => {
    const list = Object.values(interfaces);
    const isStatic = list.every(({ dhcp4, dhcp6, slaac, match_driver }) => !dhcp4 && !dhcp6 && !slaac && !match_driver);
    const hasMacs = list.every(({ mac }) => mac === null || /^[0-9a-f:]+$/i.test(mac));
    const hasParents = list.every(({ vlan }) => vlan === undefined || interfaces[vlan.link] !== undefined);
    return isStatic && hasMacs && hasParents && list.length > 0;
  });
  const shapes = all.map(shapeOf);
  return process.env["CLOUDIMG_ALL_CASES"] === "1"
    ? all
    : all.filter((_, index) => shapes.indexOf(shapes[index] as string) === index);
}

/** What a case has of what matters to a kernel, without how often. */
function shapeOf({ expected_normalized: { interfaces, effective } }: NetworkCase): string {
  const shape = new Set<string>();
  for (const [name, { type, mac, mtu, accept_ra, set_name, bond_master }] of Object.entries(interfaces)) {
    const { addresses = [], routes = [], bond } = effective.interfaces[name] ?? {};
    shape.add(
      `${type} ${mac === null ? "" : "mac"} ${mtu === null ? "" : "mtu"} ${set_name === undefined ? "" : "renamed"}`,
    );
    if (accept_ra !== null) shape.add(`routers ${accept_ra}`);
    for (const address of addresses) shape.add(`${address.includes(":") ? 6 : 4} ${/\/(32|128)$/.test(address)}`);
    for (const { to, metric, table } of routes)
      shape.add(`${to.includes(":")} ${/\/0$/.test(to)} ${metric === undefined} ${table}`);
    if (new Set(routes.map(({ to }) => to)).size < routes.length) shape.add("several gateways");
    for (const word of Object.keys(bond?.params ?? {})) shape.add(word);
    if (bond_master !== undefined) shape.add("member");
  }
  if (effective.unassigned_routes.length > 0) shape.add("global routes");
  return [...shape, effective.nameservers.length > 0, effective.search.length > 0, Object.keys(interfaces).length > 2]
    .sort()
    .join();
}

/** Cases whose cards get addresses from a DHCP server too, from the plain ones to those that heed only some of what it says. */
export function dhcpCases(): NetworkCase[] {
  const overrides = "t-testnetworkdrenderstate-test-networkd-render-dhcp-overrides-4-";
  const names = [
    ...["nc-small-v1-v1", "nc-small-v2-v2", "nc-v2-route-no-gateway-v2", "integ-test-lxd-hotplug-1"],
    ...["doc-network-config-v1-subnet-multiple", "doc-network-config-v1-subnet-routes"],
    ...["t-testrhelsysconfigrendering-test-network-config-v1-multi-iface-samples-v1"],
    ...[`${overrides}route-metric-12345-routemetric-12345-v2`, `${overrides}use-dns-false-usedns-false-v2`],
    ...["syn-two-nics", "syn-bond", "syn-match-mac-without-set-name-uses-existing-nic-name"],
    ...["os-configdrive-network-data", "syn-os-dhcp-like-huawei-cascading"],
  ];
  return networkCases().filter(({ name }) => names.includes(name));
}

function networkCases(): NetworkCase[] {
  return ["network-config-v1", "network-config-v2", "openstack-network-data"].flatMap((family) => {
    const path = `${directory}${family}.json`;
    if (!existsSync(path)) return [];
    const { cases } = JSON.parse(withRealMacs(readFileSync(path, "utf8"))) as { cases: NetworkCase[] };
    return cases.filter(({ expected_error }) => expected_error === undefined);
  });
}

/** Some addresses are those of groups (the lowest bit of the first byte is 1), which no card can have: with that bit cleared, the cases mean the same. */
function withRealMacs(text: string): string {
  return text.replace(
    /\b([0-9a-f])([13579bdf])((?::[0-9a-f]{2}){5})\b/gi,
    (_, high, low, rest) => `${high}${(Number.parseInt(low, 16) - 1).toString(16)}${rest}`,
  );
}

/** The cards that the case's machine has, by present name; documents that rename find them under another name than the one they want. */
export function cardsOf({
  env = {},
  expected_normalized: { interfaces },
}: NetworkCase): Map<string, string | undefined> {
  const known = { ...env.interfaces_by_mac, ...env.known_macs };
  const cards = new Map<string, string | undefined>();
  for (const [name, { type, mac, set_name, match }] of Object.entries(interfaces)) {
    if (type !== "physical" && type !== "infiniband") continue;
    const present = mac === null ? undefined : known[mac];
    const isRenamed = mac !== null && (match === undefined || set_name !== undefined);
    const glob = match?.name?.replace("*", "p9s0");
    cards.set(present ?? glob ?? (isRenamed ? `nic${cards.size}` : name), mac ?? undefined);
  }
  return cards;
}

/** What `network-namespace.sh` shows after a document. */
export interface Shown {
  readonly result: {
    readonly problems: readonly string[];
    readonly parsing: readonly string[];
    readonly said: readonly string[];
    readonly elapsedMs: number;
  };
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** `to via gateway dev card [table n]`, with ` metric n` where it is not the kernel's usual one. */
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly links: Readonly<Record<string, { readonly mtu: number; readonly mac: string }>>;
  /** Files below /sys/class/net and what they say; lines of `brif`, `ra` and VLANs. */
  readonly settings: readonly string[];
}

export function readShown(text: string): Shown {
  const section = (name: string) =>
    (text.split(/^== /m).find((part) => part.startsWith(`${name}\n`)) ?? "")
      .split("\n")
      .slice(1)
      .filter((line) => line !== "");
  const addresses: Record<string, string[]> = {};
  for (const line of section("addresses")) {
    const [, name = "", address = "", rest = ""] = /^\d+: (\S+)\s+inet6? (\S+) (.*)/.exec(line) ?? [];
    if (name === "" || name.startsWith("veth") || /scope (link|host)/.test(rest)) continue;
    addresses[name] ??= [];
    addresses[name].push(canonical(address));
  }
  const words = (key: string) =>
    section("resolv").flatMap((line) => (line.startsWith(`${key} `) ? line.split(" ").slice(1) : []));
  const [result = "null"] = section("result");
  return {
    result: JSON.parse(result),
    addresses: Object.fromEntries(Object.entries(addresses).map(([name, list]) => [name, list.sort()])),
    routes: section("routes").flatMap(readRoute).sort(),
    rules: section("rules").map((line) => line.replace(/\s+/g, " ").trim()),
    nameservers: words("nameserver").map(canonicalHost),
    search: words("search"),
    links: Object.fromEntries(
      section("links").map((line) => {
        const [name = "", mtu, mac = ""] = line.split(" ");
        return [name, { mtu: Number(mtu), mac }];
      }),
    ),
    settings: section("settings")
      .filter((line) => !/_timer |\/(mii_status|ad_|flush)/.test(line))
      .map((line) => line.trim()),
  };
}

/** Only what somebody has set: no routes to addresses of this machine and to subnets on the wire. */
function readRoute(line: string): string[] {
  const word = (key: string) => new RegExp(` ${key} (\\S+)`).exec(line)?.[1];
  const via = word("via");
  const isOwn = via === undefined && / src | metric 256/.test(line);
  if (isOwn || / table local /.test(line) || / dev (lo|veth)/.test(line)) return [];
  const target = line.split(" ")[0] ?? "";
  const to = target === "default" ? (via?.includes(":") ? "::/0" : "0.0.0.0/0") : target;
  return [
    routeText(word("dev") ?? "", { to, via, metric: Number(word("metric") ?? 0), table: Number(word("table") ?? 254) }),
  ];
}

function routeText(name: string, { to, via, metric, table }: Route): string {
  const usual = to.includes(":") ? 1024 : 0;
  const gateway = via === undefined || via === null ? "" : canonicalHost(via);
  const parts = [
    canonicalNetwork(to),
    ...(/^(0\.0\.0\.0|::|)$/.test(gateway) ? [] : [`via ${gateway}`]),
    `dev ${name}`,
  ];
  if ((metric || usual) !== usual) parts.push(`metric ${metric}`);
  if ((table ?? 254) !== 254) parts.push(`table ${table}`);
  return parts.join(" ");
}

function canonical(address: string): string {
  const prefix = parsePrefix(address);
  return prefix === undefined ? address : formatPrefix(prefix);
}
/** busybox writes IPv6 addresses in full. */
function canonicalHost(address: string): string {
  return canonical(address).replace(/\/\d+$/, "");
}
function canonicalNetwork(to: string): string {
  const prefix = parsePrefix(to);
  return prefix === undefined ? to : formatPrefix(networkOf(prefix));
}

/** What the guest must show, in the same form as `compared` gives it. */
export function expectedOf({ expected_normalized: { interfaces, effective } }: NetworkCase) {
  const routes = Object.entries(effective.interfaces).flatMap(([name, one]) =>
    one.routes.map((route) => routeText(name, route)),
  );
  return {
    addresses: Object.fromEntries(
      Object.entries(effective.interfaces).flatMap(([name, one]) =>
        one.addresses.length === 0 ? [] : [[name, [...new Set(one.addresses.map(canonical))].sort()]],
      ),
    ),
    routes: [...new Set(withoutClashes(routes))].sort(),
    nameservers: [...new Set(effective.nameservers.map(canonicalHost))].slice(0, 3),
    search: [...new Set(effective.search)],
    links: Object.fromEntries(
      Object.entries(interfaces).map(([name, { mtu, subnet_mtu, mac, bond_master }]) => {
        // A member shows its bond's; a bond that follows its members shows that of the one in use.
        const follows = effective.interfaces[name]?.bond?.params["fail_over_mac"] === "active";
        const ownMac = bond_master === undefined && !follows ? mac : null;
        return [name, { mtu: mtuOf(subnet_mtu) ?? mtuOf(mtu) ?? undefined, mac: ownMac ?? undefined }];
      }),
    ),
  };
}

function mtuOf(mtu: Interface["mtu"] | undefined): number | undefined {
  return typeof mtu === "object" ? mtu?.["4"] : mtu;
}

/** Linux keeps one route to a destination for each metric: the second one of a document gets the next metric. */
function withoutClashes(routes: readonly string[]): string[] {
  const taken = new Map<string, string>();
  return routes.map((text) => {
    const [to = ""] = text.split(" ");
    const table = / table \d+/.exec(text)?.[0] ?? "";
    let metric = Number(/ metric (\d+)/.exec(text)?.[1] ?? (to.includes(":") ? 1024 : 0));
    const plain = text.replace(/ metric \d+| table \d+/g, "");
    for (; taken.has(`${to}${table} ${metric}`) && taken.get(`${to}${table} ${metric}`) !== plain; metric++);
    taken.set(`${to}${table} ${metric}`, plain);
    const usual = to.includes(":") ? 1024 : 0;
    return `${plain}${metric === usual ? "" : ` metric ${metric}`}${table}`;
  });
}

export function compared(shown: Shown, expected: ReturnType<typeof expectedOf>) {
  const { addresses, routes, nameservers, search, links } = shown;
  return {
    addresses,
    routes,
    nameservers,
    search,
    links: Object.fromEntries(
      Object.entries(expected.links).map(([name, { mtu, mac }]) => {
        const link = links[name];
        return [
          name,
          { mtu: mtu === undefined ? undefined : link?.mtu, mac: mac === undefined ? undefined : link?.mac },
        ];
      }),
    ),
  };
}

/** Without what the DHCP server of the tests gives, and with the cards that have got an address from it. */
export function withoutLease(shown: Shown): { readonly rest: Shown; readonly leased: readonly string[] } {
  const isLeased = (text: string) => /\b10\.77\.0\./.test(text);
  const own = (list: readonly string[]) => list.filter((text) => !isLeased(text));
  const addresses = Object.entries(shown.addresses).map(([name, list]) => [name, own(list)] as const);
  return {
    rest: {
      ...shown,
      addresses: Object.fromEntries(addresses.filter(([, list]) => list.length > 0)),
      routes: own(shown.routes),
      nameservers: own(shown.nameservers),
      search: shown.search.filter((domain) => domain !== leasedDomain),
    },
    leased: Object.keys(shown.addresses).filter((name) => shown.addresses[name]?.some(isLeased)),
  };
}
export const leasedDomain = "leased.test";

/** What bonds, bridges and VLANs are made of and how they are set, as far as a case says so: pairs of what is shown and what is wanted. */
export function stacked(
  { settings }: Shown,
  { expected_normalized: { interfaces, effective } }: NetworkCase,
): [shown: unknown, wanted: unknown][] {
  const read = (path: string) =>
    settings
      .find((line) => line.startsWith(`/sys/class/net/${path} `))
      ?.split(" ")
      .slice(1) ?? [];
  const pairs: [unknown, unknown][] = [];
  for (const [name, { bond }] of Object.entries(effective.interfaces)) {
    if (bond === undefined) continue;
    pairs.push([read(`${name}/bonding/slaves`).sort(), [...bond.members].sort()]);
    for (const [word, value] of Object.entries(bond.params)) {
      // The kernel rounds delays to how often it looks.
      if (/delay$/.test(word) && Number(value) % Number(bond.params["miimon"] ?? 100) !== 0) continue;
      const shown = read(`${name}/bonding/${word}`);
      const wanted = String(value).split(",");
      pairs.push([wanted.filter((one) => shown.includes(one)), wanted]);
    }
  }
  for (const [name, { bridge, vlan }] of Object.entries(interfaces)) {
    if (vlan !== undefined) {
      const line = settings.find((one) => one.startsWith(`${name} `));
      pairs.push([line?.replace(/[\s|]+/g, " "), `${name} ${vlan.id} ${vlan.link}`]);
    }
    for (const port of (bridge?.ports ?? []).filter((one) => interfaces[one] !== undefined))
      pairs.push([settings.includes(`brif ${name} ${port}`), true]);
    for (const [word, value] of Object.entries(bridge?.params ?? {})) {
      const [file, factor] = bridgeFiles[word] ?? [];
      if (file !== undefined)
        pairs.push([Number(read(`${name}/bridge/${file}`)[0]), Math.round(Number(value) * (factor ?? 1))]);
      const portFile = { pathcost: "path_cost", portprio: "priority" }[word];
      if (portFile !== undefined)
        for (const [port, number] of Object.entries(value as Record<string, unknown>))
          pairs.push([Number(read(`${port}/brport/${portFile}`)[0]), Number(number)]);
    }
  }
  return pairs;
}

/** By the names of bridge-utils-interfaces(5); the kernel counts hundredths of a second. */
const bridgeFiles: Readonly<Record<string, readonly [file: string, factor: number]>> = {
  ageing: ["ageing_time", 100],
  bridgeprio: ["priority", 1],
  fd: ["forward_delay", 100],
  hello: ["hello_time", 100],
  maxage: ["max_age", 100],
  stp: ["stp_state", 1],
};
