import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatIp, formatPrefix, parseIp, parsePrefix } from "../../src/guest-config/ip.ts";
import { parseNetworkData } from "../../src/guest-config/network/openstack-network.ts";
import { resolveNames } from "../../src/guest-config/network/resolve-names.ts";
import type { RouteState } from "../../src/guest-config/network-state.ts";

const corpus = fileURLToPath(new URL("../../../shared/conformance/openstack-network-data.json", import.meta.url));

interface Normalized {
  interfaces: Record<
    string,
    Record<string, unknown> & {
      addresses: string[];
      routes: RouteState[];
      gateways: { via: string; family: 4 | 6; metric?: number; onlink?: boolean }[];
      dns: { nameservers: string[]; search: string[] };
    }
  >;
  dns: { nameservers: string[]; search: string[] };
}
interface Case {
  name: string;
  input: unknown;
  env: { known_macs: Record<string, string> };
  expected_normalized?: Normalized;
  expected_error?: string;
}

const ip = (text: string) => {
  const address = parseIp(text);
  return address === undefined ? text : formatIp(address);
};
const cidr = (text: string) => {
  const prefix = parsePrefix(text);
  return prefix === undefined ? text : formatPrefix(prefix);
};
const routeText = ({ to, via, metric }: RouteState) => `${cidr(to)} via ${via && ip(via)} metric ${metric}`;

/** Our result in the corpus' shape, gateways folded into the routes. */
function normalize(document: unknown, knownMacs: Record<string, string>) {
  const { network, problems } = parseNetworkData(document);
  if (network === undefined) return { problems, value: undefined };
  const { present, missing } = resolveNames(network, new Map(Object.entries(knownMacs)));
  // A name in the document is enough for cloud-init, even if there is no such card.
  const unnamed = missing.filter(({ name }) => name === undefined);
  const named = [
    ...present.values(),
    ...missing.filter(({ name }) => name !== undefined).map((state) => ({ name: state.name as string, state })),
  ];
  const nameAt = (index: number) => present.get(index)?.name;
  const interfaces = Object.fromEntries(
    named.map(({ name, state }) => [
      name,
      {
        type: state.kind,
        mac: state.mac,
        mtu: state.mtu ?? null,
        dhcp4: state.dhcp4,
        dhcp6: state.dhcp6 === "stateful",
        slaac: state.slaac,
        dhcp6_stateless: state.dhcp6 === "stateless",
        accept_ra: state.acceptRa ?? null,
        addresses: state.addresses,
        routes: state.routes.map(routeText).sort(),
        dns: { nameservers: state.nameservers, search: state.search },
        bond: state.bond && { members: state.bond.members.map(nameAt), params: state.bond.parameters },
        vlan: state.vlan && { id: state.vlan.id, link: nameAt(state.vlan.parent) },
      },
    ]),
  );
  return {
    problems: [...problems, ...unnamed.map(({ mac }) => `missing ${mac}`)],
    value: { interfaces, dns: { nameservers: network.nameservers, search: network.search } },
  };
}

function expectedOf({ interfaces, dns }: Normalized) {
  const texts = (record: unknown) =>
    record && Object.fromEntries(Object.entries(record as object).map(([name, value]) => [name, String(value)]));
  return {
    interfaces: Object.fromEntries(
      Object.entries(interfaces).map(
        ([
          name,
          {
            type,
            mac,
            mtu,
            dhcp4,
            dhcp6,
            slaac,
            dhcp6_stateless,
            accept_ra,
            addresses,
            gateways,
            routes,
            dns,
            bond,
            vlan,
          },
        ]) => {
          const folded = gateways.map(({ via, family, metric }) => ({
            to: family === 4 ? "0.0.0.0/0" : "::/0",
            via,
            metric,
          }));
          const bonding = bond as { members: string[]; params: unknown } | undefined;
          return [
            name,
            {
              ...{ type, mac, mtu, dhcp4, dhcp6, slaac, dhcp6_stateless, accept_ra, dns, vlan },
              addresses: addresses.map(cidr),
              routes: [...folded, ...routes].map(routeText).sort(),
              bond: bonding && { members: bonding.members, params: texts(bonding.params) },
            },
          ];
        },
      ),
    ),
    dns,
  };
}

describe.skipIf(!existsSync(corpus))(
  "cloud-init's own cases (skipped where the corpus is not beside the project)",
  () => {
    const cases = existsSync(corpus) ? (JSON.parse(readFileSync(corpus, "utf8")) as { cases: Case[] }).cases : [];
    test.each(cases.map((item) => [item.name, item] as const))(
      "%s",
      (_, { input, env, expected_normalized, expected_error }) => {
        const { problems, value } = normalize(input, env.known_macs);
        if (expected_error !== undefined) expect(problems).not.toEqual([]);
        if (expected_normalized !== undefined) expect(value).toEqual(expectedOf(expected_normalized));
      },
    );
  },
);

test("a document that says nothing leaves the choice to us", () => {
  for (const document of [{}, { links: [] }, { links: null, networks: null, services: null }])
    expect(parseNetworkData(document)).toEqual({ problems: [] });
});

test("a gateway outside its subnet is on the link", () => {
  const { network } = parseNetworkData({
    links: [{ id: "a", ethernet_mac_address: "52:54:00:00:00:01" }],
    networks: [{ link: "a", type: "ipv4", ip_address: "203.0.113.9/32", gateway: "198.51.100.1" }],
  });
  expect(network?.interfaces[0]?.routes).toEqual([
    { to: "0.0.0.0/0", via: "198.51.100.1", metric: undefined, onLink: true },
  ]);
});

const link = { id: "a", ethernet_mac_address: "52:54:00:00:00:01" };
test.each([
  [
    "an address that is none",
    { type: "ipv4", ip_address: "x.x.x.x", netmask: "255.255.255.0" },
    "bad address: x.x.x.x",
  ],
  ["no address", { type: "ipv4" }, "no ip_address"],
  ["a mask with holes", { type: "ipv4", ip_address: "192.0.2.7", netmask: "255.0.255.0" }, "bad address"],
  ["an address that is a number", { type: "ipv4", ip_address: 7 }, "no ip_address"],
  ["a gateway that is none", { type: "ipv4", ip_address: "192.0.2.7", gateway: "gw" }, "bad gateway"],
  ["a route to nowhere", { type: "ipv4_dhcp", routes: [{ gateway: "192.0.2.1" }] }, "bad route"],
  [
    "a route over the other family",
    { type: "ipv4_dhcp", routes: [{ network: "::", netmask: "::", gateway: "192.0.2.1" }] },
    "bad route",
  ],
  ["a metric that is none", { type: "ipv4_dhcp", metric: "fast" }, "bad metric"],
  ["a type that is unknown", { type: "carrier-pigeon" }, "not supported"],
  ["routes that are text", { type: "ipv4_dhcp", routes: ["x"] }, "routes[0] is not an object"],
  [
    "a name server that is none",
    { type: "ipv4_dhcp", services: [{ type: "dns", address: "dns" }] },
    "bad address of a name server",
  ],
  ["a link that is not there", { type: "ipv4_dhcp", link: "b" }, "belongs to no link"],
])("%s is reported; the card is still set up", (_, network, message) => {
  const parsed = parseNetworkData({
    links: [link],
    networks: [
      { link: "a", ...network },
      { link: "a", type: "ipv4", ip_address: "192.0.2.8/24" },
    ],
  });
  expect(parsed.problems.join("\n")).toContain(message);
  expect(parsed.network?.interfaces[0]?.addresses).toContain("192.0.2.8/24");
});

test("no JSON makes the parser throw", () => {
  const value = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, "a", "ipv4", "ipv6", "vlan", "bond", "192.0.2.1", "::1", 0, -1, 1e9, true),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom(
          "links",
          "networks",
          "services",
          "id",
          "link",
          "type",
          "ip_address",
          "netmask",
          "routes",
          "network",
          "gateway",
          "metric",
          "vlan_link",
          "vlan_id",
          "bond_links",
          "ethernet_mac_address",
          "mtu",
          "address",
          "search",
        ),
        tie("json"),
        { maxKeys: 8 },
      ),
    ),
  })).json;
  fc.assert(
    fc.property(value, (document) => void parseNetworkData(document)),
    { numRuns: 2000 },
  );
});
