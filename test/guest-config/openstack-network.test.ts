import fc from "fast-check";
import { expect, test } from "vitest";
import { parseNetworkData } from "../../src/guest-config/network/openstack-network.ts";

const runs = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 500);

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
    { to: "0.0.0.0/0", via: "198.51.100.1", metric: undefined, isGateway: true, onLink: true },
  ]);
});

const link = { id: "a", ethernet_mac_address: "52:54:00:00:00:01" };
test.each([
  [
    "an address that is none",
    { type: "ipv4", ip_address: "x.x.x.x", netmask: "255.255.255.0" },
    "bad address: x.x.x.x",
  ],
  ["no address", { type: "ipv4" }, "no address"],
  ["a mask with holes", { type: "ipv4", ip_address: "192.0.2.7", netmask: "255.0.255.0" }, "bad address"],
  ["an address that is a number", { type: "ipv4", ip_address: 7 }, "no address"],
  ["a gateway that is none", { type: "ipv4", ip_address: "192.0.2.7", gateway: "gw" }, "bad gateway"],
  ["a route to nowhere", { type: "ipv4_dhcp", routes: [{ gateway: "192.0.2.1" }] }, "bad route"],
  [
    "a route over the other family",
    { type: "ipv4_dhcp", routes: [{ network: "::", netmask: "::", gateway: "192.0.2.1" }] },
    "bad route",
  ],
  ["a metric that is none", { type: "ipv4_dhcp", metric: "fast" }, "bad metric"],
  ["a type that is unknown", { type: "carrier-pigeon" }, "of an unknown type: carrier-pigeon"],
  ["routes that are text", { type: "ipv4_dhcp", routes: ["x"] }, "routes[0] is not a mapping"],
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
    { numRuns: runs },
  );
});

test("a bond of two cards with a VLAN on top, both with addresses of their own to be set", () => {
  const { network, problems } = parseNetworkData({
    links: [
      { id: "a", type: "phy", ethernet_mac_address: "52:54:00:00:00:01", mtu: 9000 },
      { id: "b", type: "phy", ethernet_mac_address: "52:54:00:00:00:02", mtu: "9000" },
      {
        id: "c",
        type: "bond",
        bond_links: ["b", "a"],
        bond_mode: "802.3ad",
        bond_miimon: 100,
        bond_xmit_hash_policy: "layer3+4",
      },
      { id: "d", type: "vlan", vlan_link: "c", vlan_id: "602", vlan_mac_address: "52:54:00:AA:00:03" },
    ],
    networks: [
      {
        id: "n",
        link: "d",
        type: "ipv4",
        ip_address: "192.0.2.7",
        netmask: "255.255.255.0",
        metric: 7,
        routes: [
          { network: "0.0.0.0", netmask: "0.0.0.0", gateway: "192.0.2.1" },
          { network: "198.51.100.0/24", gateway: "192.0.2.2", metric: 0 },
        ],
      },
    ],
  });
  expect(problems).toEqual([]);
  expect(network?.interfaces.map(({ kind, mac, mtu, bond, vlan }) => ({ kind, mac, mtu, bond, vlan }))).toEqual([
    { kind: "physical", mac: "52:54:00:00:00:01", mtu: 9000 },
    { kind: "physical", mac: "52:54:00:00:00:02", mtu: 9000 },
    {
      kind: "bond",
      bond: { members: [1, 0], parameters: { mode: "802.3ad", miimon: "100", xmit_hash_policy: "layer3+4" } },
    },
    { kind: "vlan", mac: "52:54:00:aa:00:03", vlan: { id: 602, parent: 2 } },
  ]);
  expect(network?.interfaces[3]?.routes).toEqual([
    { to: "0.0.0.0/0", via: "192.0.2.1", inheritedMetric: 7 },
    { to: "198.51.100.0/24", via: "192.0.2.2", metric: 0 },
  ]);
});

test("a card of InfiniBand is one by its address", () => {
  const mac = "A0:00:02:20:FE:80:00:00:00:00:00:00:EC:0D:9A:03:00:15:E2:C1";
  const { network, problems } = parseNetworkData({ links: [{ id: "i", type: "phy", ethernet_mac_address: mac }] });
  expect(problems).toEqual([]);
  expect(network?.interfaces[0]).toMatchObject({ kind: "infiniband", mac: mac.toLowerCase() });
});
