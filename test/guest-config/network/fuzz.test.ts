import fc from "fast-check";
import { expect, test } from "vitest";
import { formatIp, formatPrefix, networkOf, parseIp, parsePrefix } from "../../../src/guest-config/ip.ts";
import { aliyunNetwork } from "../../../src/guest-config/network/aliyun-network.ts";
import { classlessRoutes } from "../../../src/guest-config/network/classless-routes.ts";
import { parseInterfaces } from "../../../src/guest-config/network/interfaces-file.ts";
import { kernelNetworkConfig } from "../../../src/guest-config/network/kernel-network.ts";
import { parseKlibc } from "../../../src/guest-config/network/klibc.ts";
import { parseNetworkConfig } from "../../../src/guest-config/network/network-config.ts";
import { parseNetworkData } from "../../../src/guest-config/network/openstack-network.ts";
import { parseOsConf } from "../../../src/guest-config/network/os-conf.ts";
import { tencentNetwork } from "../../../src/guest-config/network/tencent-network.ts";
import type { ParsedNetwork } from "../../../src/guest-config/network-state.ts";
import { conformanceCases } from "../conformance.ts";
import { anyChanges, mutate, mutateText } from "./mutations.ts";

const runs = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300);

/** Whatever the document, what comes out of it is a network that can be planned. */
function checkSound({ network, problems }: ParsedNetwork): void {
  for (const problem of problems) expect(problem.length, problem.slice(0, 200)).toBeLessThan(2000);
  const interfaces = network?.interfaces ?? [];
  const isIndex = (index: number) => Number.isInteger(index) && index >= 0 && index < interfaces.length;
  for (const { addresses, routes, nameservers, mtu, mac, bond, bridge, vlan, name } of interfaces) {
    for (const text of addresses) expect(formatPrefix(parsed(parsePrefix(text)))).toBe(text);
    for (const { to, via, metric, inheritedMetric } of routes) {
      expect(formatPrefix(networkOf(parsed(parsePrefix(to))))).toBe(to);
      if (via !== undefined) expect(formatIp(parsed(parseIp(via)))).toBe(via);
      for (const number of [metric, inheritedMetric])
        expect(number === undefined || (Number.isInteger(number) && number >= 0)).toBe(true);
    }
    for (const text of nameservers) expect(formatIp(parsed(parseIp(text)))).toBe(text);
    expect(mtu === undefined || (mtu >= 68 && mtu <= 65535)).toBe(true);
    expect(name === undefined || (typeof name === "string" && name !== "")).toBe(true);
    if (mac !== undefined) expect(mac).toMatch(/^[0-9a-f]{2}(:[0-9a-f]{2})+$/);
    expect(
      [...(bond?.members ?? []), ...(bridge?.ports ?? []), ...(vlan === undefined ? [] : [vlan.parent])].every(isIndex),
    ).toBe(true);
    for (const value of Object.values(bond?.parameters ?? {})) expect(typeof value).toBe("string");
  }
  JSON.stringify(network);
}

function parsed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("what the parser made cannot be parsed");
  return value;
}

/** Recorded documents where they are there, and some of our own. */
function samples(family: string, ...own: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.constantFrom(...own, ...conformanceCases(family).map(({ input }) => input));
}

const v1 = {
  version: 1,
  config: [
    {
      type: "physical",
      name: "eth0",
      mac_address: "52:54:00:00:00:01",
      subnets: [
        {
          type: "static",
          address: "192.0.2.7/24",
          gateway: "192.0.2.1",
          routes: [{ to: "default", via: "192.0.2.1", metric: 7 }],
        },
      ],
    },
    { type: "bond", name: "bond0", bond_interfaces: ["eth1"], params: { "bond-mode": 4 } },
    { type: "bridge", name: "br0", bridge_interfaces: ["bond0"], params: { bridge_pathcost: ["bond0 5"] } },
    { type: "vlan", name: "v", vlan_link: "br0", vlan_id: 7 },
    { type: "nameserver", address: ["192.0.2.53"], interface: "eth0" },
    { type: "route", destination: "10.0.0.0/8", gateway: "192.0.2.1" },
  ],
};
const v2 = {
  network: {
    version: 2,
    ethernets: {
      a: {
        match: { macaddress: "52:54:00:00:00:01" },
        "set-name": "eth0",
        addresses: ["192.0.2.7/24", { "192.0.2.8/24": {} }],
        routes: [{ to: "default", via: "192.0.2.1", table: 7 }],
        "routing-policy": [{ from: "192.0.2.7", table: 7 }],
        nameservers: { addresses: ["192.0.2.53"], search: ["a"] },
      },
    },
    bonds: { b: { interfaces: ["a"], parameters: { "mii-monitor-interval": "1s" } } },
    vlans: { c: { id: 1, link: "b" } },
    bridges: { d: { interfaces: ["c"], parameters: { "path-cost": { c: 1 } } } },
  },
};
const data = {
  links: [
    { id: "a", type: "phy", ethernet_mac_address: "52:54:00:00:00:01" },
    { id: "b", type: "bond", bond_links: ["a"], bond_mode: "4" },
    { id: "c", type: "vlan", vlan_link: "b", vlan_id: 1 },
  ],
  networks: [
    {
      id: "n",
      link: "c",
      type: "ipv4",
      ip_address: "192.0.2.7",
      netmask: "255.255.255.0",
      routes: [
        {
          network: "0.0.0.0",
          netmask: "0.0.0.0",
          gateway: "192.0.2.1",
          services: [{ type: "dns", address: "192.0.2.53" }],
        },
      ],
    },
  ],
  services: [{ type: "dns", address: "192.0.2.53" }],
};
const imds = {
  interfaces: {
    macs: {
      "00:16:3e:00:00:01": {
        ipv6s: "[2001:db8::7]",
        "local-ipv4s": { "192.0.2.7": { gateway: "192.0.2.1", "subnet-mask": "255.255.255.0" } },
      },
      "00:16:3e:00:00:02": {},
    },
  },
};
const nics = { "00:16:3e:00:00:01": "eth0", "00:16:3e:00:00:02": "eth1" };

const documents: readonly [string, fc.Arbitrary<unknown>, (document: unknown) => ParsedNetwork][] = [
  ["network-config version 1", samples("network-config-v1", v1), parseNetworkConfig],
  ["network-config version 2", samples("network-config-v2", v2), parseNetworkConfig],
  ["network_data.json", samples("openstack-network-data", data), parseNetworkData],
  ["Alibaba's metadata", samples("aliyun-imds", imds), (document) => aliyunNetwork(document, nics, "eth0", true)],
  ["Tencent's metadata", fc.constant(imds), (document) => tencentNetwork(document, "00:16:3e:00:00:02")],
];
test.each(documents)("%s", (_, sample, parse) => {
  fc.assert(
    fc.property(sample, anyChanges, (document, changes) => checkSound(parse(mutate(document, changes)))),
    { numRuns: runs },
  );
});

const osConf =
  'hostname=h\npassword=$6$a$b\neth0_ip_addr=192.0.2.7\neth0_mac_addr=52:54:00:00:00:01\neth0_netmask=255.255.255.0\neth0_gateway=192.0.2.1\neth1_route="0.0.0.0/0 192.0.2.1;x"\ndns_nameserver="192.0.2.53 8.8.8.8"\n';
const interfaces =
  "auto eth0\niface eth0 inet static\n address 192.0.2.7/24\n gateway 192.0.2.1\n up ip route add 10.0.0.0/8 via 192.0.2.1\niface eth0.7 inet dhcp\niface bond0 inet manual\n bond-slaves eth1 eth2\niface br0 inet6 auto\n bridge_ports bond0\n";
const klibc =
  "DEVICE='eth0'\nPROTO='static'\nIPV4ADDR='192.0.2.7'\nIPV4NETMASK='255.255.255.0'\nIPV4GATEWAY='192.0.2.1'\nIPV6PROTO=none\nIPV6ADDR=2001:db8::7\nDOMAINSEARCH=a.test\n";
const texts: readonly [string, fc.Arbitrary<unknown>, (text: string) => ParsedNetwork][] = [
  ["os.conf", samples("tencent-os-conf", osConf), parseOsConf],
  ["interfaces", samples("eni-network-interfaces", interfaces), parseInterfaces],
  [
    "klibc",
    samples("klibc-net-conf", klibc),
    (text) => parseKlibc({ "net-eth0.conf": text, "net6-eth1.conf": text }, { eth0: "52:54:00:00:00:01" }),
  ],
];
test.each(texts)("%s", (_, sample, parse) => {
  fc.assert(
    fc.property(sample, anyChanges, (text, changes) => checkSound(parse(mutateText(String(text), changes)))),
    { numRuns: runs },
  );
});

test("the kernel's command line and DHCP's routes", () => {
  const line = "quiet network-config=dmVyc2lvbjogMg== x";
  const routes = samples("dhcp-classless-routes", "24,192,0,2,192,0,2,1", "0.0.0.0/0 192.0.2.1");
  fc.assert(
    fc.property(routes, anyChanges, (text, changes) => {
      kernelNetworkConfig(mutateText(line, changes));
      for (const { to } of classlessRoutes(mutateText(String(text), changes))) parsed(parsePrefix(to));
    }),
    { numRuns: runs },
  );
});
