import { asInteger, asTexts } from "../initializer/json-values.ts";
import type { ParsedNetwork, RouteState } from "../network-state.ts";
import { type Draft, readBondParameters, readBridgeParameters, resolveDrafts } from "./stacked.ts";
import {
  bareInterface,
  type Finding,
  markOnLink,
  readAddress,
  readBoolean,
  readGateway,
  readMac,
  readMtu,
  readNameservers,
  readNumber,
  readRoute,
  unique,
} from "./subnet.ts";

/**
 * Debian's /etc/network/interfaces (interfaces(5)), as old config drives and NoCloud's metadata have it. Of its commands only the routes among `up` and `post-up` are heeded; nothing is run.
 */
export function parseInterfaces(text: string): ParsedNetwork {
  const problems: string[] = [];
  const cards = new Map<string, Stanza[]>();
  const started = new Set<string>();
  let current: Stanza | undefined;
  for (const line of text.replace(/\\\r?\n/g, " ").split(/\r?\n/)) {
    const [word = "", ...rest] = line.trim().split(/\s+/);
    if (word === "" || word.startsWith("#")) continue;
    if (word === "auto" || word.startsWith("allow-")) {
      for (const name of rest) started.add(name);
      current = undefined;
    } else if (word === "iface") {
      const [name = "", family = "", method = ""] = rest;
      current = { family, method, options: [] };
      // `eth0:1` is one more address of eth0.
      const card = name.split(":")[0] as string;
      if (started.has(name)) started.add(card);
      if (!/^(inet6?|)$/.test(family) || card === "") problems.push(`interfaces: not understood: ${line.trim()}`);
      else {
        if (!cards.has(card)) cards.set(card, []);
        cards.get(card)?.push(current);
      }
    } else if (/^(mapping|source|source-directory|no-auto-down|no-scripts|rename|template)$/.test(word)) {
      problems.push(`interfaces: ${word} is not supported`);
      current = undefined;
    } else if (current === undefined) problems.push(`interfaces: not understood: ${line.trim().slice(0, 80)}`);
    else current.options.push([word.replaceAll("_", "-"), rest.join(" ")]);
  }
  const members = bondMembers(cards);
  const drafts = [...cards].map(([name, stanzas]) => readCard(name, stanzas, started.has(name), members, problems));
  return drafts.length === 0
    ? { problems }
    : { network: { interfaces: resolveDrafts(drafts), nameservers: [], search: [] }, problems };
}

interface Stanza {
  readonly family: string;
  readonly method: string;
  /** Names with dashes; some may be there several times. */
  readonly options: [string, string][];
}

/** A bond is told by its members (`bond-master`) or tells them itself (`bond-slaves`). */
function bondMembers(cards: ReadonlyMap<string, readonly Stanza[]>): Map<string, Set<string>> {
  const members = new Map<string, Set<string>>();
  const add = (bond: string, names: readonly string[]) => {
    if (!members.has(bond)) members.set(bond, new Set());
    for (const name of names) members.get(bond)?.add(name);
  };
  for (const [name, stanzas] of cards)
    for (const [key, value] of stanzas.flatMap(({ options }) => options)) {
      if (key === "bond-slaves") add(name, value === "none" ? [] : asTexts(value));
      if (key === "bond-master") add(value, [name]);
    }
  return members;
}

function readCard(
  name: string,
  stanzas: readonly Stanza[],
  isStarted: boolean,
  members: ReadonlyMap<string, ReadonlySet<string>>,
  problems: string[],
): Draft {
  const finding = { what: `interfaces: ${name}`, problems };
  const options = stanzas.flatMap((stanza) => stanza.options);
  const last = (...keys: string[]) => options.findLast(([key]) => keys.includes(key))?.[1];
  const has = (family: string, method: string) =>
    stanzas.some((stanza) => stanza.family === family && stanza.method === method);
  const hasAutomatic = stanzas.find((stanza) => stanza.family === "inet6" && stanza.method === "auto");
  const all = (...keys: string[]) => options.flatMap(([key, value]) => (keys.includes(key) ? [value] : []));
  const subnets = stanzas.map((stanza) => readStanza(stanza, finding));
  const addresses = unique(subnets.flatMap((subnet) => subnet.addresses));
  const acceptRa = last("accept-ra");
  const mac = readMac(last("hwaddr", "hwaddress")?.replace(/^ether\s+/, ""));
  const common = {
    ...bareInterface,
    name,
    mac,
    mtu: readMtu(last("mtu"), finding),
    dhcp4: has("inet", "dhcp") || has("", "dhcp"),
    dhcp6: has("inet6", "dhcp")
      ? ("stateful" as const)
      : hasAutomatic?.options.some(([key, value]) => key === "dhcp" && value === "1")
        ? ("stateless" as const)
        : undefined,
    slaac: hasAutomatic !== undefined,
    // 2: although this machine forwards.
    acceptRa: acceptRa === "2" ? true : readBoolean(acceptRa),
    addresses,
    routes: markOnLink(
      subnets.flatMap((subnet) => subnet.routes),
      addresses,
    ),
    nameservers: unique(readNameservers(all("dns-nameservers", "dns-nameserver", "dns-servers").join(" "), finding)),
    search: unique(asTexts(all("dns-search", "dns-domain").join(" "))),
    wakeOnLan: last("ethernet-wol") === undefined ? undefined : last("ethernet-wol") !== "d",
    isManual: isStarted || name === "lo" ? undefined : true,
  };
  const some = (prefix: string, but: RegExp) =>
    Object.fromEntries(options.filter(([key]) => key.startsWith(prefix) && !but.test(key)));
  const bondOf = members.get(name);
  if (bondOf !== undefined)
    return {
      ...common,
      kind: "bond",
      bondOf: [...bondOf],
      bondParameters: readBondParameters(some("bond-", /^bond-(slaves|master)$/), finding.what, problems),
    };
  const ports = last("bridge-ports");
  if (ports !== undefined)
    return {
      ...common,
      kind: "bridge",
      bridgeOf: ports === "none" ? [] : asTexts(ports),
      bridgeParameters: readBridgeParameters(some("bridge-", /^bridge-ports$/), finding.what, problems),
    };
  const [, parent, tag] = /^(?:(.+)\.|vlan)0*(\d{1,4})$/.exec(name) ?? [];
  const link = last("vlan-raw-device") ?? parent;
  const id = asInteger(last("vlan-id") ?? tag, 0, 4094);
  if (link !== undefined && id !== undefined) return { ...common, kind: "vlan", vlanOf: { id, link } };
  return { ...common, kind: name === "lo" || has("inet", "loopback") ? "loopback" : "physical" };
}

function readStanza({ family, method, options }: Stanza, finding: Finding) {
  if (!/^(static|dhcp|manual|loopback|auto|)$/.test(method))
    finding.problems.push(`${finding.what} has an unsupported method: ${method}`);
  const last = (wanted: string) => options.findLast(([key]) => key === wanted)?.[1];
  const isStatic = method === "static" || (method === "" && family === "");
  const address = isStatic ? readAddress(last("address"), last("netmask"), finding) : undefined;
  const metric = readNumber(last("metric"), "metric", 2 ** 32 - 1, finding);
  const commands = options.flatMap(([key, value]) => (/^(pre-|post-)?(up|down)$/.test(key) ? [[key, value]] : []));
  const routes = commands.flatMap(([key = "", command = ""]): RouteState[] => {
    const route = key.endsWith("down") ? [] : readRouteCommand(command, finding);
    if (route === undefined) finding.problems.push(`${finding.what}: commands are not run: ${command.slice(0, 80)}`);
    return route ?? [];
  });
  return {
    addresses: address === undefined ? [] : [address],
    routes: [...readGateway(last("gateway"), metric, finding), ...routes],
  };
}

/** `ip route add TO via GATEWAY` or `route add -net TO netmask MASK gw GATEWAY`; undefined if it is another command. */
function readRouteCommand(command: string, finding: Finding): RouteState[] | undefined {
  const words = command
    .replace(/\s*(\|\||;|&&).*$/, "")
    .split(/\s+/)
    .map((word) => word.replace(/^.*\//, (path) => (/^\/(usr\/)?s?bin\//.test(path) ? "" : path)));
  const text = words.join(" ");
  const start = /^(ip (-[46] |-6 )?route (add|replace|append)|route (-A inet6? |-[46] )?add) /.exec(text);
  if (start === null) return undefined;
  const rest = text.slice(start[0].length).split(" ");
  const after = (...keys: string[]) => {
    const at = rest.findIndex((word) => keys.includes(word));
    return at < 0 ? undefined : rest[at + 1];
  };
  const plainTo = rest[0] === "-net" || rest[0] === "-host" ? rest[1] : rest[0];
  const isHost = (rest[0] === "-host" || start[0].startsWith("ip")) && !/\/|^default$/.test(plainTo ?? "");
  const route = readRoute(
    {
      to: isHost ? `${plainTo}/${plainTo?.includes(":") ? 128 : 32}` : plainTo,
      netmask: after("netmask"),
      via: after("via", "gw"),
      metric: after("metric"),
    },
    finding,
  );
  return route === undefined ? [] : [rest.includes("onlink") ? { ...route, onLink: true } : route];
}
