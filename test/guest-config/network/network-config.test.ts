import { expect, test } from "vitest";
import { parseNetworkConfig } from "../../../src/guest-config/network/network-config.ts";
import { parseYaml } from "../../../src/guest-config/parts/yaml.ts";

const yaml = (text: string) => parseNetworkConfig(parseYaml(text));
const eth0 = (text: string) => {
  const { network, problems } = yaml(`version: 2\nethernets:\n  eth0: ${text}`);
  expect(problems).toEqual([]);
  return network?.interfaces[0];
};

test.each([
  ["bare", "version: 2\nethernets: {eth0: {dhcp4: true}}"],
  ["wrapped", "network:\n  version: 2\n  ethernets: {eth0: {dhcp4: true}}"],
  ["with its version as text", "network:\n  version: '2'\n  ethernets: {eth0: {dhcp4: 'yes'}}"],
  ["of the other version", "version: 1\nconfig: [{type: physical, name: eth0, subnets: [{type: dhcp}]}]"],
])("a document %s", (_, text) => {
  const { network, problems } = yaml(text);
  expect(problems).toEqual([]);
  expect(network?.interfaces).toMatchObject([{ kind: "physical", name: "eth0", dhcp4: true }]);
});

test.each(["config: disabled", "network: {config: disabled}", "{version: 1, config: disabled}"])(
  "%s: nobody is to touch the network",
  (text) => expect(yaml(text)).toEqual({ isDisabled: true, problems: [] }),
);

test.each(["", "{}", "network:", "network: {}", "version: 2", "{version: 1, config: []}", "{version: 2, ethernets: }"])(
  "%j says nothing",
  (text) => expect(yaml(text)).toEqual({ problems: [] }),
);

test.each([
  ["a list", "[1, 2]", "not a mapping"],
  ["text", "hello", "not a mapping"],
  ["network that is text", "network: hello", "network is not a mapping"],
  ["no version", "ethernets: {eth0: {dhcp4: true}}", "version undefined is taken for 2"],
  ["version 0", "version: 0\nconfig: [{type: physical, name: eth0}]", "version 0 is taken for 1"],
  ["another section", "version: 2\ntunnels: {t: {mode: gre}}", "tunnels are not supported"],
  ["a section that is a list", "version: 2\nethernets: [eth0]", "ethernets are not a mapping"],
  ["an interface that is text", "version: 2\nethernets: {eth0: dhcp}", "eth0 is not a mapping"],
  ["a key with a typing error", "version: 2\nethernets: {eth0: {adresses: [192.0.2.7/24]}}", "unknown keys: adresses"],
  ["a bad address", "version: 2\nethernets: {eth0: {addresses: [192.0.2.7/33]}}", "bad address: 192.0.2.7/33"],
  ["a mask with holes", "version: 2\nethernets: {eth0: {addresses: [10.0.0.1/255.0.255.0]}}", "bad address"],
  [
    "a bad route",
    "version: 2\nethernets: {eth0: {routes: [{to: x, via: 192.0.2.1}]}}",
    "bad route: to x, via 192.0.2.1",
  ],
  ["a bad type of route", "version: 2\nethernets: {eth0: {routes: [{to: default, type: magic}]}}", "bad route"],
  [
    "a bad metric",
    "version: 2\nethernets: {eth0: {routes: [{to: default, via: 192.0.2.1, metric: low}]}}",
    "metric: low",
  ],
  ["a bad name server", "version: 2\nethernets: {eth0: {nameservers: {addresses: [dns]}}}", "name server: dns"],
  ["a bad MTU", "version: 2\nethernets: {eth0: {mtu: 12}}", "impossible mtu: 12"],
  ["a VLAN without number", "version: 2\nvlans: {v: {link: eth0}}", "lacks a good id or link"],
  ["a bond without cards", "version: 2\nbonds: {b: {dhcp4: true}}", "b has no interfaces"],
  ["a parameter of a bond", "version: 2\nbonds: {b: {parameters: {speed: 1}}}", "unknown parameter: speed"],
  ["a parameter of a bridge", "version: 2\nbridges: {b: {parameters: {speed: 1}}}", "unknown parameter: speed"],
  ["an unknown type", "version: 1\nconfig: [{type: tunnel, name: t}]", "unknown type: tunnel"],
  ["no type", "version: 1\nconfig: [{name: t}]", "has no type"],
  ["no name", "version: 1\nconfig: [{type: physical}]", "has no name"],
  ["a bond without members", "version: 1\nconfig: [{type: bond, name: b}]", "has no bond_interfaces"],
  [
    "a bad MAC address",
    "version: 1\nconfig: [{type: physical, name: e, mac_address: 52:54}]",
    "bad mac_address: 52:54",
  ],
  ["subnets that are none", "version: 1\nconfig: [{type: physical, name: e, subnets: dhcp}]", "subnets is not a list"],
  [
    "a subnet of no known type",
    "version: 1\nconfig: [{type: physical, name: e, subnets: [{type: x}]}]",
    "unknown type: x",
  ],
  ["a config that is a mapping", "version: 1\nconfig: {eth0: {}}", "config is not a list"],
])("%s is reported", (_, text, message) => {
  expect(yaml(text).problems.join("\n")).toContain(message);
});

test("what is wrong does not take the rest with it", () => {
  const { network, problems } = yaml(`
    version: 2
    wifis: {wlan0: {dhcp4: true}}
    ethernets:
      eth0: {addresses: [nonsense, 192.0.2.7/24], routes: [{to: default, via: nonsense}, {to: default, via: 192.0.2.1}]}
      eth1: nonsense
      eth2: {dhcp4: true}`);
  expect(problems.length).toBe(4);
  expect(network?.interfaces.map(({ name, addresses, routes }) => [name, addresses, routes.length])).toEqual([
    ["eth0", ["192.0.2.7/24"], 1],
    ["eth2", [], 0],
  ]);
});

test("routes without an address, a gateway beside DHCP, and search domains alone are kept", () => {
  expect(eth0("{dhcp4: true, gateway4: 192.0.2.1, nameservers: {search: [a.test]}}")).toMatchObject({
    dhcp4: true,
    routes: [{ to: "0.0.0.0/0", via: "192.0.2.1", isGateway: true }],
    search: ["a.test"],
  });
  expect(eth0("{routes: [{to: 198.51.100.0/24, via: 192.0.2.1}]}")?.routes).toEqual([
    { to: "198.51.100.0/24", via: "192.0.2.1" },
  ]);
});

test("addresses in all forms", () => {
  const addresses = [
    "192.0.2.7",
    "192.0.2.8/255.255.255.128",
    "{192.0.2.9/24: {label: 'eth0:a', lifetime: 0}}",
    "2001:DB8:0::7",
    "'2001:db8::8/ffff:ffff::'",
  ];
  expect(eth0(`{addresses: [${addresses.join(", ")}]}`)?.addresses).toEqual([
    "192.0.2.7/24",
    "192.0.2.8/25",
    "192.0.2.9/24",
    "2001:db8::7/64",
    "2001:db8::8/32",
  ]);
  expect(eth0("{addresses: 192.0.2.7/24}")?.addresses).toEqual(["192.0.2.7/24"]);
});

test("routes with all that belongs to them", () => {
  const routes = [
    "{to: default, via: 192.0.2.1, metric: 0}",
    "{to: default, via: '2001:db8::1', table: 7}",
    "{to: 0/0, via: 198.51.100.1, on-link: true, mtu: 1400, from: 192.0.2.7}",
    "{to: 203.0.113.9/24, via: 0.0.0.0, scope: link}",
    "{to: 198.18.0.0/15, type: blackhole}",
    "{to: 198.51.100.0/24, via: 198.51.100.1}",
    "{to: '::/0', via: 'fe80::1'}",
  ];
  expect(eth0(`{addresses: [192.0.2.7/24, '2001:db8::7/64'], routes: [${routes.join(", ")}]}`)?.routes).toEqual([
    { to: "0.0.0.0/0", via: "192.0.2.1", metric: 0 },
    { to: "::/0", via: "2001:db8::1", table: 7 },
    { to: "0.0.0.0/0", via: "198.51.100.1", onLink: true, mtu: 1400, from: "192.0.2.7" },
    { to: "203.0.113.0/24", scope: "link" },
    { to: "198.18.0.0/15", type: "blackhole" },
    { to: "198.51.100.0/24", via: "198.51.100.1", onLink: true },
    { to: "::/0", via: "fe80::1", onLink: true },
  ]);
});

test("rules of policy routing", () => {
  const rules = "[{from: 192.0.2.7, table: 7, priority: 100}, {to: 198.51.100.9/24, mark: 1, type-of-service: 16}]";
  expect(eth0(`{routing-policy: ${rules}}`)?.rules).toEqual([
    { from: "192.0.2.7/32", table: 7, priority: 100 },
    { to: "198.51.100.0/24", mark: 1, tos: 16 },
  ]);
});

test.each([
  ["{dhcp4: true}", { name: "eth0" }],
  ["{match: {macaddress: '52:54:00:AB:00:01'}}", { id: "eth0", mac: "52:54:00:ab:00:01" }],
  ["{match: {macaddress: '52:54:00:ab:00:01'}, set-name: wan}", { id: "eth0", mac: "52:54:00:ab:00:01", name: "wan" }],
  [
    "{match: {name: 'en*', driver: [virtio_net, e1000]}}",
    { id: "eth0", match: { names: ["en*"], drivers: ["virtio_net", "e1000"] } },
  ],
  ["{match: {}}", { id: "eth0", match: { names: ["*"] } }],
  ["{set-name: wan}", { id: "eth0", name: "wan", match: { names: ["eth0"] } }],
  ["{macaddress: '52:54:00:AB:00:01'}", { name: "eth0", setMac: "52:54:00:ab:00:01" }],
])("%s: how the card is found", (text, expected) => {
  const { id, name, mac, match, setMac } = eth0(text) ?? {};
  expect({ id, name, mac, match, setMac }).toEqual({
    id: undefined,
    name: undefined,
    mac: undefined,
    match: undefined,
    setMac: undefined,
    ...expected,
  });
});

test.each([
  ["{accept-ra: true}", { acceptRa: true }],
  ["{accept-ra: 'no'}", { acceptRa: false }],
  ["{accept-ra: null}", { acceptRa: undefined }],
  ["{link-local: []}", { linkLocal: [] }],
  ["{link-local: [ipv6]}", { linkLocal: [6] }],
  ["{mtu: 0}", { mtu: undefined }],
  ["{mtu: 9000, ipv6-mtu: 1280}", { mtu: 9000, subnetMtu6: 1280 }],
  ["{optional: true, wakeonlan: off}", { isOptional: true, wakeOnLan: false }],
  ["{activation-mode: manual}", { isManual: true }],
  ["{dhcp6: on}", { dhcp6: "stateful" }],
  [
    "{dhcp4-overrides: {route-metric: 7, use-dns: null, use-domains: route}}",
    { dhcp4Overrides: { "route-metric": 7, "use-domains": "route" } },
  ],
])("%s", (text, expected) => expect(eth0(text)).toMatchObject(expected));

test("bonds, bridges and VLANs refer to others by key or by name, declared or not", () => {
  const { network, problems } = yaml(`
    version: 2
    vlans:
      v7: {id: 7, link: b0, macaddress: 52:54:00:00:00:07}
      v8: {id: 8, link: eth9}
    bonds:
      b0:
        interfaces: [first, eth5]
        parameters: {mode: 802.3ad, mii-monitor-interval: 1s, learn-packet-interval: 1500ms, all-members-active: true, arp-ip-targets: [192.0.2.1, 192.0.2.2], up-delay: 5ms}
    bridges:
      br0: {interfaces: [v7, wan], parameters: {stp: no, path-cost: {wan: 50}, forward-delay: 4s}}
    ethernets:
      first: {match: {macaddress: 52:54:00:00:00:01}}
      second: {match: {macaddress: 52:54:00:00:00:02}, set-name: wan}`);
  expect(problems).toEqual([]);
  expect(network?.interfaces.map(({ id, name }) => name ?? id)).toEqual([
    "v7",
    "v8",
    "b0",
    "br0",
    "first",
    "wan",
    "eth9",
    "eth5",
  ]);
  expect(network?.interfaces.map(({ isPlaceholder }) => isPlaceholder === true)).toEqual([
    false,
    false,
    false,
    false,
    false,
    false,
    true,
    true,
  ]);
  const [v7, v8, b0, br0] = network?.interfaces ?? [];
  expect(v7?.vlan).toEqual({ id: 7, parent: 2 });
  expect(v8?.vlan).toEqual({ id: 8, parent: 6 });
  expect(b0?.bond).toEqual({
    members: [4, 7],
    parameters: {
      mode: "802.3ad",
      miimon: "1000",
      lp_interval: "2",
      all_slaves_active: "1",
      arp_ip_target: "192.0.2.1,192.0.2.2",
      updelay: "5",
    },
  });
  expect(br0?.bridge).toEqual({ ports: [0, 5], parameters: { stp: false, pathcost: { wan: 50 }, fd: 4 } });
});

test("version 1: metrics of subnets, their MTU, and parameters beside the other keys", () => {
  const { network, problems } = yaml(`
    version: 1
    config:
      - type: physical
        name: eth0
        subnets:
          - {type: dhcp4, metric: 200}
          - {type: static, address: 192.0.2.7/24, gateway: 192.0.2.1, metric: 0, mtu: 1400, routes: [{to: 198.51.100.0/24, via: 192.0.2.2}]}
          - {type: static6, address: '2001:db8::7', netmask: 'ffff:ffff::', mtu: 1280}
      - {type: bond, name: bond0, bond_interfaces: [eth1], bond-mode: active-backup, params: {bond_miimon: 50}}
      - {type: bridge, name: br0, bridge_interfaces: eth2 eth3, params: {bridge_pathcost: eth2 50, bridge_waitport: ['1 eth3'], bridge_stp: 'on'}}`);
  expect(problems).toEqual([]);
  const [eth0, bond0, br0] = network?.interfaces ?? [];
  expect(eth0).toMatchObject({
    dhcp4Overrides: { "route-metric": 200 },
    addresses: ["192.0.2.7/24", "2001:db8::7/32"],
    subnetMtu: 1400,
    subnetMtu6: 1280,
  });
  expect(eth0?.routes).toEqual([
    { to: "0.0.0.0/0", via: "192.0.2.1", metric: 0, isGateway: true },
    { to: "198.51.100.0/24", via: "192.0.2.2", inheritedMetric: 0 },
  ]);
  expect(bond0?.bond).toEqual({ members: [3], parameters: { mode: "active-backup", miimon: "50" } });
  expect(br0?.bridge).toEqual({
    ports: [4, 5],
    parameters: { pathcost: { eth2: 50 }, waitport: { eth3: 1 }, stp: true },
  });
});

test("short documents do not become endless", () => {
  const many = Array.from({ length: 5000 }, (_, index) => `{to: 10.${index >> 8}.${index & 255}.0/24, via: x}`);
  const { problems } = eth0Problems(`{routes: [${many.join(", ")}]}`);
  expect(problems.length).toBe(21);
  expect(problems.at(-1)).toMatch(/^and \d+ more$/);
  const long = eth0Problems(`{mtu: '${"9".repeat(100_000)}'}`).problems.join("");
  expect(long.length).toBeLessThan(400);
});

function eth0Problems(text: string) {
  return yaml(`version: 2\nethernets:\n  eth0: ${text}`);
}
