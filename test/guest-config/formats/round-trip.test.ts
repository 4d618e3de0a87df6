import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAll } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { formats } from "../../../src/guest-config/formats/formats.ts";
import { type MetadataCloud, metadataResponder } from "../../../src/guest-config/formats/metadata-tree.ts";
import { decodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import { keysByUser } from "../../../src/guest-config/initializer/give-access.ts";
import { formatIp, formatPrefix, parseIp, parsePrefix } from "../../../src/guest-config/ip.ts";
import type { InstanceConfig, InterfaceConfig } from "../../../src/guest-config/model.ts";
import { parseOsConf } from "../../../src/guest-config/network/os-conf.ts";
import type { NetworkState } from "../../../src/guest-config/network-state.ts";
import type { Found } from "../../../src/guest-config/sources/datasource.ts";
import { networkSources } from "../../../src/guest-config/sources/network-sources.ts";
import { nocloudFound, readSeed } from "../../../src/guest-config/sources/nocloud-seed.ts";
import { readOpenstackTree } from "../../../src/guest-config/sources/openstack-tree.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import { fakeNetwork } from "../fake-network.ts";
import { anyInstanceConfig, twoNics } from "../instance-configs.ts";
import { memoryHost } from "../sources/memory-host.ts";
import { textFiles } from "../sources/text-files.ts";

// What the generators write means to our own readers what it meant before, whatever it is.

const anyConfig: fc.Arbitrary<InstanceConfig> = fc
  .record({
    config: anyInstanceConfig,
    vendorData: fc.option(fc.string({ unit: "grapheme", minLength: 1 }), { nil: undefined }),
    asks: fc.array(fc.record({ dhcp6: fc.boolean(), slaac: fc.boolean() }), { minLength: 3, maxLength: 3 }),
  })
  .map(({ config, vendorData, asks }) => {
    const interfaces = config.network.interfaces.map((nic, index) => ({ ...nic, ...asks[index] }));
    return { ...config, vendorData, network: { ...config.network, interfaces } };
  });

function filesOf(tree: Tree): Record<string, Uint8Array> {
  return Object.fromEntries(
    [...tree.entries()].flatMap(([path, node]) => (node.type === "file" ? [[path, readAll(node.content)]] : [])),
  );
}

const format = (name: string) => formats.find((other) => other.name === name) as (typeof formats)[number];

function readDrive(name: string, config: InstanceConfig): Found {
  const found = readOpenstackTree(textFiles(filesOf(format(name).tree(config, 0))), "test");
  if (typeof found === "string") throw new Error(found);
  return found;
}

function readNocloud(config: InstanceConfig): Found | undefined {
  const files = filesOf(format("nocloud").tree(config, 0));
  const host = memoryHost({});
  return nocloudFound(host, [readSeed(host, "test", (name) => files[`/${name}`])]);
}

function readService(cloud: MetadataCloud, source: string, origin: string, config: InstanceConfig): Found | undefined {
  const machine = memoryHost({ "sys/class/dmi/id/product_serial": `ds=nocloud;s=${origin}/` });
  const { host } = fakeNetwork(machine, { [origin]: metadataResponder(cloud, config) });
  return networkSources.find(({ name }) => name === source)?.find(host, readSigns(host));
}

/** In a form in which the order of addresses, routes and servers, and the place where DNS stands, do not matter. */
function networkMeaning(network: NetworkState | InstanceConfig["network"] | undefined) {
  const interfaces = network?.interfaces ?? [];
  const sorted = (list: readonly string[]) => [...new Set(list)].sort();
  return {
    interfaces: interfaces.map((nic) => ({
      mac: nic.mac,
      mtu: nic.mtu,
      dhcp4: nic.dhcp4,
      dhcp6: nic.dhcp6 === true || nic.dhcp6 === "stateful",
      addresses: sorted(nic.addresses.map(canonicalPrefix)),
      routes: sorted(
        nic.routes.map(({ to, via, metric }) => `${canonicalPrefix(to)} ${via && canonicalIp(via)} ${metric}`),
      ),
    })),
    nameservers: sorted(
      [network?.nameservers ?? [], ...interfaces.map((nic) => nic.nameservers)].flat().map(canonicalIp),
    ),
    search: sorted([network?.search ?? [], ...interfaces.map(({ search }) => search)].flat()),
  };
}

function canonicalPrefix(text: string): string {
  const prefix = parsePrefix(text);
  return prefix === undefined ? text : formatPrefix(prefix);
}

function canonicalIp(text: string): string {
  const address = parseIp(text);
  return address === undefined ? text : formatIp(address);
}

function told(found: Found | undefined) {
  return {
    problems: found?.problems,
    instanceId: found?.instanceId,
    hostname: found?.hostname,
    keys: found && keysByUser(found),
    userData: (found?.userData && decodeUtf8(found.userData)) || undefined,
    vendorData: found?.vendorData?.map(decodeUtf8),
    network: networkMeaning(found?.network),
  };
}

function wanted(config: InstanceConfig) {
  const { instanceId, hostname, authorizedKeys, userData, vendorData, network } = config;
  return {
    problems: [],
    ...{ instanceId, hostname },
    keys: authorizedKeys,
    userData: userData || undefined,
    vendorData: vendorData === undefined ? undefined : [vendorData],
    network: networkMeaning(network),
  };
}

/** NoCloud and OpenStack say all that the model can. */
const complete: Readonly<Record<string, (config: InstanceConfig) => Found | undefined>> = {
  "config-drive": (config) => readDrive("config-drive", config),
  tencent: (config) => readDrive("tencent", config),
  nocloud: readNocloud,
  "OpenStack over HTTP": (config) => readService("openstack", "openstack", "http://169.254.169.254", config),
  "Huawei over HTTP": (config) => readService("huawei", "openstack", "http://169.254.169.254", config),
  "NoCloud over HTTP": (config) => readService("nocloud", "nocloud-net", "http://192.0.2.1", config),
};

test.each(Object.entries(complete))("%s: what is read is what was written", (_, read) => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      expect(told(read(config))).toEqual(wanted(config));
    }),
    { numRuns: 100, examples: [[twoNics]] },
  );
});

test("router advertisements are asked for in every dialect", () => {
  const [nic] = twoNics.network.interfaces;
  const network = { ...twoNics.network, interfaces: [{ ...(nic as InterfaceConfig), slaac: true }] };
  for (const [name, read] of Object.entries(complete)) {
    const card = read({ ...twoNics, network })?.network?.interfaces[0];
    expect(card?.slaac === true || card?.acceptRa === true, name).toBe(true);
  }
});

describe("clouds that say a part", () => {
  const parts: readonly [MetadataCloud, string, string][] = [
    ["tencent", "tencent", "http://169.254.0.23"],
    ["alibaba", "alibaba", "http://100.100.100.200"],
    ["ec2", "ec2", "http://169.254.169.254"],
  ];
  test.each(parts)("%s: name, default user's keys and data", (cloud, source, origin) => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        const found = readService(cloud, source, origin, { ...config, defaultUser: undefined });
        const { problems: _, network: __, vendorData, keys, ...rest } = told(found);
        const { instanceId, hostname, userData } = wanted(config);
        expect(rest).toEqual({ instanceId, hostname, userData });
        expect(keys?.["root"] ?? []).toEqual(config.authorizedKeys["root"] ?? []);
        expect(vendorData).toEqual(cloud === "alibaba" ? wanted(config).vendorData : undefined);
      }),
      { numRuns: 60, examples: [[twoNics]] },
    );
  });
});

describe("os.conf says the first IPv4 address of each card", () => {
  const conf = (name: string, config: InstanceConfig) => {
    const [text] = Object.entries(filesOf(format(name).tree(config, 0))).flatMap(([path, bytes]) =>
      path.endsWith("os.conf") ? [decodeUtf8(bytes)] : [],
    );
    return parseOsConf(text ?? "");
  };
  const isV4 = (text: string) => !text.includes(":");

  test.each(["tencent", "alibaba-os-conf"])("%s", (name) => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        const { hostname, network, problems } = conf(name, config);
        expect(hostname).toBe(config.hostname);
        expect(problems).toEqual([]);
        const expected = config.network.interfaces.map(({ mac, addresses }) => {
          const address = addresses.find(isV4);
          return { mac, addresses: address === undefined ? [] : [address], dhcp4: address === undefined };
        });
        expect(network?.interfaces.map(({ mac, addresses, dhcp4 }) => ({ mac, addresses, dhcp4 }))).toEqual(expected);
        expect(network?.nameservers.slice().sort()).toEqual(networkMeaning(config.network).nameservers);
        for (const [index, nic] of (network?.interfaces ?? []).entries()) {
          const { routes = [] } = config.network.interfaces[index] ?? {};
          const gateway = routes.find(({ to }) => to === "0.0.0.0/0")?.via;
          const own = nic.routes.find(({ to }) => to === "0.0.0.0/0")?.via;
          expect(own).toBe(nic.addresses.length === 0 || gateway === undefined ? undefined : gateway);
        }
      }),
      { numRuns: 100, examples: [[twoNics]] },
    );
  });

  test("Tencent's password is a hash, with whatever is in it", () => {
    const passwordHash = "$6$ab$c`id`$(x)='\"";
    expect(conf("tencent", { ...twoNics, passwordHash }).passwordHash).toBe(passwordHash);
  });
});

test("all of NoCloud is JSON text but the data, for readers without YAML; the network for readers without MAC addresses", () => {
  const files = filesOf(format("nocloud").tree({ ...twoNics, vendorData: "#!/bin/sh\n" }, 0));
  expect(Object.keys(files)).toEqual(["/meta-data", "/network-config", "/user-data", "/vendor-data"]);
  const metadata = JSON.parse(decodeUtf8(files["/meta-data"] ?? new Uint8Array()));
  expect(JSON.parse(decodeUtf8(files["/network-config"] ?? new Uint8Array()))).toMatchObject({ version: 2 });
  expect(metadata["network-interfaces"]).toBe(`auto lo
iface lo inet loopback

auto eth0
iface eth0 inet dhcp

auto eth1
iface eth1 inet static
    address 192.0.2.7/24
    post-up ip -4 route add 203.0.113.0/24 via 192.0.2.1 dev eth1 metric 50 || true
    post-up ip -4 route add 0.0.0.0/0 via 192.0.2.1 dev eth1 metric 200 || true
    mtu 1400
    dns-nameservers 192.0.2.53
    dns-search example.org
iface eth1 inet static
    address 198.51.100.9/32
iface eth1 inet6 static
    address 2001:db8::7/64
    gateway 2001:db8::1
`);
});
