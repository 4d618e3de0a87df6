import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { aliyunNetwork } from "../../../src/guest-config/network/aliyun-network.ts";
import { classlessRoutes } from "../../../src/guest-config/network/classless-routes.ts";
import { parseInterfaces } from "../../../src/guest-config/network/interfaces-file.ts";
import { kernelNetworkConfig } from "../../../src/guest-config/network/kernel-network.ts";
import { parseKlibc } from "../../../src/guest-config/network/klibc.ts";
import { tencentNetwork } from "../../../src/guest-config/network/tencent-network.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

test.each([
  ["the last one counts", `network-config=${base64("a: 1")} quiet network-config=${base64("b: 2")}`, { text: "b: 2" }],
  ["without padding", `network-config=${base64("a: 12").replace(/=+$/, "")}`, { text: "a: 12" }],
  ["in quotes", `network-config="${base64("a: 1")}"`, { text: "a: 1" }],
  ["disabled", "quiet network-config=disabled", { isDisabled: true }],
  ["disabled, as older documents have it", "network-config={config:disabled}", { isDisabled: true }],
  ["empty", "network-config= quiet", undefined],
  ["another key", "my-network-config=YQ==", undefined],
  ["no base64", "network-config=a:b", { problem: expect.stringContaining("not base64") }],
])("network-config= of the kernel: %s", (_, line, expected) => {
  expect(kernelNetworkConfig(line)).toEqual(expected);
});

test("network-config= of the kernel: compressed", () => {
  const packed = gzipSync("version: 2\n");
  expect(kernelNetworkConfig(`network-config=${packed.toString("base64")}`)).toEqual({ gzip: new Uint8Array(packed) });
});

test.each([
  ["18c0a84ac0a80004", [{ to: "192.168.74.0/24", via: "192.168.0.4" }]],
  ["192.0.2.128/25 0.0.0.0 default 192.0.2.1", [{ to: "192.0.2.128/25" }]],
  ["24,999,0,2,192,0,2,1", []],
  ["nonsense", []],
])("classless routes: %s", (text, expected) => expect(classlessRoutes(text)).toEqual(expected));

test("both families of klibc's files are one card", () => {
  const { network, problems } = parseKlibc(
    {
      "/run/net-eth0.conf":
        "DEVICE='eth0'\nPROTO='static'\nIPV4ADDR='192.0.2.7'\nIPV4NETMASK='255.255.255.0'\nIPV4GATEWAY='192.0.2.1'\nIPV4DNS0='192.0.2.53'\nIPV4DNS1='0.0.0.0'\n",
      "/run/net6-eth0.conf":
        "DEVICE6=eth0\nIPV6PROTO=none\nIPV6ADDR=2001:db8::7\nIPV6NETMASK=64\nIPV6GATEWAY=2001:db8::1\nIPV6DOMAINSEARCH='a.test b.test'\n",
      "/run/net-eth1.conf": "PROTO=dhcp\nIPV4ADDR=192.0.2.9\n",
      "/run/net6-eth3.conf": "DEVICE=eth3\nPROTO=dhcp6\nIPV6ADDR=2001:db8::9\n",
      "/run/net-eth2.conf": "DEVICE=eth2\nPROTO=none\nIPV4ADDR=192.0.2.300\n",
    },
    { eth0: "52:54:00:AB:00:01" },
  );
  expect(problems).toEqual([expect.stringContaining("bad address: 192.0.2.300")]);
  expect(network?.interfaces).toMatchObject([
    {
      name: "eth0",
      mac: "52:54:00:ab:00:01",
      isManual: true,
      addresses: ["192.0.2.7/24", "2001:db8::7/64"],
      nameservers: ["192.0.2.53"],
      search: ["a.test", "b.test"],
    },
    { name: "eth1", dhcp4: true, addresses: [], isManual: true },
    { name: "eth3", dhcp4: false, dhcp6: "stateful", addresses: [] },
    { name: "eth2", dhcp4: false, addresses: [] },
  ]);
  expect(network?.interfaces[0]?.routes.map(({ to, via }) => `${to} ${via}`)).toEqual([
    "0.0.0.0/0 192.0.2.1",
    "::/0 2001:db8::1",
  ]);
});

test("Debian's interfaces: bonds, bridges, VLANs, aliases, routes among the commands", () => {
  const { network, problems } = parseInterfaces(`
auto lo bond0 eth2 \\
  br0
allow-hotplug bond0.7
iface lo inet loopback
iface eth0 inet manual
  bond-master bond0
iface eth1 inet manual
  bond_master bond0
iface bond0 inet static
  address 192.0.2.7
  netmask 24
  gateway 192.0.2.1
  metric 7
  bond-mode 802.3ad
  bond_miimon 100
  up ip route add 198.51.100.0/24 via 192.0.2.2 dev bond0 || true
  post-up /sbin/route add -net 203.0.113.0 netmask 255.255.255.0 gw 192.0.2.3 metric 5
  post-up route add -host 203.0.113.9 gw 192.0.2.4
  up echo hello
  down ip route del 198.51.100.0/24
iface bond0:1 inet static
  address 192.0.2.8/24
iface bond0 inet6 static
  address 2001:db8::7/64
  gateway fe80::1
  accept_ra 0
iface bond0.7 inet dhcp
  hwaddress ether 52:54:00:AB:00:07
iface eth2 inet6 auto
  dhcp 1
iface br0 inet static
  address 198.18.0.1/24
  bridge_ports eth2 eth3
  bridge_stp off
  dns-nameservers 192.0.2.53 2001:DB8::53
source /etc/network/interfaces.d/*
`);
  expect(problems).toEqual([
    "interfaces: source is not supported",
    "interfaces: bond0: commands are not run: echo hello",
  ]);
  const names = network?.interfaces.map(({ kind, name, isManual }) => `${name} ${kind}${isManual ? " manual" : ""}`);
  expect(names).toEqual([
    "lo loopback",
    "eth0 physical manual",
    "eth1 physical manual",
    "bond0 bond",
    "bond0.7 vlan",
    "eth2 physical",
    "br0 bridge",
    "eth3 physical",
  ]);
  const [, , , bond0, vlan, eth2, br0] = network?.interfaces ?? [];
  expect(bond0).toMatchObject({
    addresses: ["192.0.2.7/24", "192.0.2.8/24", "2001:db8::7/64"],
    acceptRa: false,
    bond: { members: [1, 2], parameters: { mode: "802.3ad", miimon: "100" } },
  });
  expect(bond0?.routes.map(({ to, via, metric, onLink }) => [to, via, metric, onLink])).toEqual([
    ["0.0.0.0/0", "192.0.2.1", 7, undefined],
    ["198.51.100.0/24", "192.0.2.2", undefined, undefined],
    ["203.0.113.0/24", "192.0.2.3", 5, undefined],
    ["203.0.113.9/32", "192.0.2.4", undefined, undefined],
    ["::/0", "fe80::1", undefined, true],
  ]);
  expect(vlan).toMatchObject({ dhcp4: true, mac: "52:54:00:ab:00:07", vlan: { id: 7, parent: 3 } });
  expect(eth2).toMatchObject({ slaac: true, dhcp6: "stateless" });
  expect(br0).toMatchObject({
    bridge: { ports: [5, 7], parameters: { stp: false } },
    nameservers: ["192.0.2.53", "2001:db8::53"],
  });
});

test("Alibaba: eth10 comes after eth9; one card alone needs no metric", () => {
  const macs = {
    "00:16:3E:00:00:01": {},
    "00:16:3e:00:00:02": { ipv6s: "[]" },
    "00:16:3e:00:00:03": { ipv6s: ["2001:db8::7"] },
  };
  const tree = { interfaces: { macs } };
  const nics = { "00:16:3e:00:00:01": "eth10", "00:16:3e:00:00:02": "eth9", "52:54:00:00:00:09": "eth0" };
  expect(aliyunNetwork(tree, nics, "eth0", true).network?.interfaces).toMatchObject([
    { name: "eth9", mac: "00:16:3e:00:00:02", dhcp4: true, dhcp4Overrides: { "route-metric": 100 } },
    { name: "eth10", mac: "00:16:3e:00:00:01", dhcp4: true, dhcp4Overrides: { "route-metric": 200 } },
  ]);
  const [only, ...others] =
    aliyunNetwork(tree, { "00:16:3e:00:00:03": "eth1" }, undefined, true).network?.interfaces ?? [];
  expect(others).toEqual([]);
  expect(only).toMatchObject({ dhcp6: "stateful", dhcp4Overrides: undefined });
  for (const nothing of [undefined, {}, { interfaces: "x" }])
    expect(aliyunNetwork(nothing, nics, "eth0", true)).toEqual({ problems: [] });
});

test("Tencent: all addresses of all cards; the primary card's gateway is preferred", () => {
  const tree = {
    "interfaces/": {
      "macs/": {},
    },
    interfaces: {
      macs: {
        "52:54:00:AA:BB:01/": {
          "primary-local-ipv4": "10.0.1.7",
          "local-ipv4s": { "10.0.1.7": { gateway: "10.0.1.1", "subnet-mask": "255.255.255.0" } },
        },
        "52:54:00:AA:BB:02": {
          "primary-local-ipv4": "10.0.2.9",
          "local-ipv4s": {
            "10.0.2.8/": { gateway: "10.0.2.1", "subnet-mask": "255.255.255.0" },
            "10.0.2.9/": { gateway: "10.0.2.1", "subnet-mask": "255.255.255.0" },
          },
        },
        "52:54:00:AA:BB:03": {},
        nonsense: {},
      },
    },
  };
  const { network, problems } = tencentNetwork(tree, "52:54:00:AA:BB:02");
  expect(problems).toEqual(["Tencent's metadata have a bad card: nonsense"]);
  expect(
    network?.interfaces.map(({ mac, addresses, dhcp4, routes }) => [
      mac,
      addresses,
      dhcp4,
      routes.map(({ via, metric }) => [via, metric]),
    ]),
  ).toEqual([
    ["52:54:00:aa:bb:02", ["10.0.2.9/24", "10.0.2.8/24"], false, [["10.0.2.1", undefined]]],
    ["52:54:00:aa:bb:01", ["10.0.1.7/24"], false, [["10.0.1.1", 100]]],
    ["52:54:00:aa:bb:03", [], true, []],
  ]);
  expect(network?.nameservers.length).toBe(2);
  for (const nothing of [undefined, {}, { interfaces: { macs: {} } }])
    expect(tencentNetwork(nothing)).toEqual({ problems: [] });
});
