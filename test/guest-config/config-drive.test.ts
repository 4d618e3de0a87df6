import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planIso9660 } from "../../src/build/filesystems/iso9660.ts";
import { readAll } from "../../src/core/byte-source.ts";
import type { Tree } from "../../src/core/tree.ts";
import { configDriveLabel, configDriveTree } from "../../src/guest-config/formats/config-drive.ts";
import { decodeUtf8 } from "../../src/guest-config/initializer/bytes.ts";
import { keysByUser } from "../../src/guest-config/initializer/give-access.ts";
import type { Host } from "../../src/guest-config/initializer/host.ts";
import type { InstanceConfig } from "../../src/guest-config/model.ts";
import { configDrive } from "../../src/guest-config/sources/config-drive.ts";
import type { Found } from "../../src/guest-config/sources/datasource.ts";
import { openFat } from "../../src/guest-config/sources/fat-reader.ts";
import { openIso } from "../../src/guest-config/sources/iso-reader.ts";
import { readOpenstackTree } from "../../src/guest-config/sources/openstack-tree.ts";
import { readSigns } from "../../src/guest-config/sources/signs.ts";
import { readVolume } from "../../src/guest-config/sources/volume-label.ts";
import { oracle } from "../oracles/tools.ts";
import { datasourceContract } from "./datasource-contract.ts";
import { anyInstanceConfig, twoNics } from "./instance-configs.ts";
import { nodeHost } from "./node-host.ts";
import { textFiles } from "./sources/text-files.ts";

const findDrive = (host: Host) => configDrive.find(host, readSigns(host));

const epochSeconds = 1_700_000_000;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-config-drive-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function treeReader(tree: Tree) {
  return {
    list: (path: string) => tree.list(path),
    readText: (path: string) => {
      const node = tree.get(path);
      return node?.type === "file" ? Buffer.from(readAll(node.content)).toString() : undefined;
    },
    readBytes: (path: string) => {
      const node = tree.get(path);
      return node?.type === "file" ? new Uint8Array(readAll(node.content)) : undefined;
    },
  };
}

function bytesReader(bytes: Uint8Array) {
  return (offset: number, length: number) => bytes.subarray(offset, offset + length);
}

/** What a reader must find, in the reader's terms. Routes have no order. */
function expected({ instanceId, hostname, authorizedKeys, network, userData }: InstanceConfig) {
  return { instanceId, hostname, authorizedKeys, network: sortRoutes(network), userData };
}

function sortRoutes(network: InstanceConfig["network"]) {
  const text = (route: object) => JSON.stringify(route, Object.keys(route).sort());
  return {
    ...network,
    interfaces: network.interfaces.map(({ mac, dhcp4, mtu, addresses, routes, nameservers, search }) => ({
      ...{ mac, dhcp4, mtu, addresses, nameservers, search },
      routes: routes.map(({ to, via, metric }) => ({ to, via, metric })).sort((a, b) => (text(a) < text(b) ? -1 : 1)),
    })),
  };
}

function actual(found: Found | string | undefined) {
  if (found === undefined || typeof found === "string") return found;
  const { instanceId, hostname, network, userData } = found;
  return {
    instanceId,
    hostname,
    authorizedKeys: keysByUser(found),
    network: network && sortRoutes(network as never),
    userData: userData && decodeUtf8(userData),
  };
}

test("what is read back is what was written, directly and through an ISO", () => {
  fc.assert(
    fc.property(anyInstanceConfig, (config) => {
      const tree = configDriveTree(config, epochSeconds);
      const found = readOpenstackTree(treeReader(tree), "test");
      expect(found).toMatchObject({ problems: [] });
      expect(actual(found)).toEqual(expected(config));
      const iso = openIso(bytesReader(readAll(planIso9660({ tree, label: configDriveLabel, epochSeconds }))));
      expect(actual(iso && readOpenstackTree(iso, "test"))).toEqual(expected(config));
    }),
    { numRuns: 60 },
  );
});

test("the same configuration gives the same files, in latest and in the newest version that cloud-init knows", () => {
  const paths = [...configDriveTree(twoNics, epochSeconds).entries()].map(([path]) => path);
  expect(paths).toEqual([
    "/",
    "/openstack",
    "/openstack/2018-08-27",
    "/openstack/2018-08-27/meta_data.json",
    "/openstack/2018-08-27/network_data.json",
    "/openstack/2018-08-27/user_data",
    "/openstack/latest",
    "/openstack/latest/meta_data.json",
    "/openstack/latest/network_data.json",
    "/openstack/latest/user_data",
  ]);
});

test("the documents have the form that Nova writes", () => {
  const read = treeReader(configDriveTree({ ...twoNics, defaultUser: "web" }, epochSeconds));
  const json = (name: string) => JSON.parse(read.readText(`/openstack/latest/${name}`) ?? "");
  expect(json("meta_data.json")).toEqual({
    uuid: "i-0001",
    hostname: "web-1.example.org",
    name: "web-1",
    public_keys: { "key-0": twoNics.authorizedKeys["web"]?.[0], "key-1": twoNics.authorizedKeys["web"]?.[1] },
    meta: { cloudimg_user: "web", cloudimg_authorized_keys: JSON.stringify({ root: twoNics.authorizedKeys["root"] }) },
  });
  const { links, networks, services } = json("network_data.json");
  expect(links[1]).toEqual({ id: "interface1", type: "phy", ethernet_mac_address: "52:54:00:00:00:02", mtu: 1400 });
  expect(services).toEqual([]);
  expect(networks[0]).toEqual({ id: "network0-0", link: "interface0", type: "ipv4_dhcp" });
  expect(networks[1]).toMatchObject({
    type: "ipv4",
    ip_address: "192.0.2.7",
    netmask: "255.255.255.0",
    services: [{ type: "dns", address: "192.0.2.53" }],
    routes: [
      { network: "203.0.113.0", netmask: "255.255.255.0", gateway: "192.0.2.1", metric: 50 },
      { network: "0.0.0.0", netmask: "0.0.0.0", gateway: "192.0.2.1", metric: 200 },
    ],
  });
  expect(networks[3]).toMatchObject({ type: "ipv6", netmask: "ffff:ffff:ffff:ffff::" });
});

describe("drives made by other people's tools", () => {
  const files = () => {
    const source = join(directory, "source");
    for (const [path, node] of configDriveTree(twoNics, epochSeconds).entries())
      if (node.type === "directory") mkdirSync(join(source, path), { recursive: true });
      else if (node.type === "file") writeFileSync(join(source, path), readAll(node.content));
    return source;
  };

  test.each([
    ["Joliet and Rock Ridge, as Nova makes it", ["-J", "-R"]],
    ["Rock Ridge alone", ["-R"]],
    ["Joliet alone", ["-J"]],
    ["plain ISO 9660 of level 3", ["-iso-level", "3", "-U"]],
  ])("%s", async (_, options) => {
    const image = join(directory, "drive.iso");
    const [program = "", ...first] = await oracle("xorriso");
    execFileSync(program, [...first, "-as", "mkisofs", "-quiet", ...options, "-V", "config-2", "-o", image, files()], {
      stdio: "pipe",
    });
    const bytes = readFileSync(image);
    expect(readVolume(bytesReader(bytes))).toEqual({ fileSystem: "iso9660", labels: ["config-2"] });
    const iso = openIso(bytesReader(bytes));
    expect(actual(iso && readOpenstackTree(iso, "test"))).toEqual(expected(twoNics));
  });

  test.each([
    ["12", "2048", "1"],
    ["12", "2048", "8"],
    ["16", "16384", "2"],
    ["32", "65536", "1"],
  ])("a FAT%s file system of %s KiB, %s sectors in a cluster", async (bits, kib, sectors) => {
    const image = join(directory, `fat${bits}-${sectors}.img`);
    const [program = "", ...first] = await oracle("mkfs.fat");
    execFileSync(program, [...first, "-F", bits, "-s", sectors, "-n", "CONFIG-2", "-C", image, kib], { stdio: "pipe" });
    const [mcopy = "", ...before] = await oracle("mcopy");
    execFileSync(mcopy, [...before, "-s", "-i", image, join(files(), "openstack"), "::"], { stdio: "pipe" });
    const read = bytesReader(readFileSync(image));
    expect(readVolume(read)).toEqual({ fileSystem: "vfat", labels: ["CONFIG-2"] });
    const fat = openFat(read);
    expect(actual(fat && readOpenstackTree(fat, "test"))).toEqual(expected(twoNics));
  });
});

describe("on a machine", () => {
  /** A fake root with these block devices. */
  const machine = (devices: Record<string, Uint8Array>) => {
    const root = mkdtempSync(join(directory, "root-"));
    mkdirSync(join(root, "dev"));
    for (const [name, bytes] of Object.entries(devices)) {
      mkdirSync(join(root, "sys/class/block", name), { recursive: true });
      writeFileSync(join(root, "dev", name), bytes);
    }
    return nodeHost(root);
  };
  const drive = (config: InstanceConfig, label = "config-2") =>
    readAll(planIso9660({ tree: configDriveTree(config, epochSeconds), label, epochSeconds }));

  datasourceContract(
    configDrive,
    () => ({
      with: (config) => machine({ vda: new Uint8Array(1 << 16), sr0: drive(config) }),
      broken: () => machine({ sr0: drive(twoNics).subarray(0, 20 * 2048) }),
      without: () => machine({ vda: new Uint8Array(1 << 16) }),
    }),
    twoNics,
  );

  test("no drive: nothing is found", () => {
    expect(findDrive(machine({ vda: new Uint8Array(1 << 20), vda1: new Uint8Array(100) }))).toBeUndefined();
    expect(findDrive(machine({}))).toBeUndefined();
  });

  test.each(["config-2", "CONFIG-2", "Config-2"])("the label %s is found, on a disk or a CD", (label) => {
    for (const name of ["sr0", "vdb", "sda1"]) {
      const found = findDrive(machine({ vda: new Uint8Array(1 << 16), [name]: drive(twoNics, label) }));
      expect(found).toMatchObject({ place: `/dev/${name}`, instanceId: "i-0001", problems: [] });
    }
  });

  test("a drive with another label is none", () => {
    expect(findDrive(machine({ sr0: drive(twoNics, "cidata") }))).toBeUndefined();
  });

  test("a broken drive is reported, and a good one behind it still used", () => {
    const truncated = drive(twoNics).subarray(0, 20 * 2048);
    const found = findDrive(machine({ sr0: truncated, vdb: drive(twoNics) }));
    expect(found?.place).toBe("/dev/vdb");
    expect(found?.problems).toEqual([expect.stringContaining("/dev/sr0")]);
    expect(findDrive(machine({ sr0: truncated }))?.problems).toHaveLength(1);
  });

  test("no damage to a drive makes the reader throw or hang", () => {
    const good = drive(twoNics);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 40 }),
        fc.nat(good.length),
        (changes, length) => {
          const bytes = good.slice(0, length < 40_000 ? good.length : length);
          for (const [at, value] of changes) bytes[32768 + (at % (bytes.length - 32768))] = value;
          const iso = openIso(bytesReader(bytes));
          if (iso !== undefined) readOpenstackTree(iso, "test");
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("malformed files", () => {
  const read = (files: Record<string, string>) => readOpenstackTree(textFiles(files), "test");
  const meta = '{"uuid": "i-1", "hostname": "h"}';
  const network =
    '{"links": [{"id": "a", "ethernet_mac_address": "52:54:00:00:00:01"}], "networks": [{"link": "a", "type": "ipv4_dhcp"}]}';

  test.each([
    ["meta_data.json truncated", meta.slice(0, 20), network, "meta_data.json is not JSON"],
    ["meta_data.json a list", "[]", network, "meta_data.json is not a JSON object"],
    ["meta_data.json empty", "", network, "meta_data.json is not JSON"],
    ["no uuid", '{"hostname": "h"}', network, "no uuid"],
    ["a host name that is a number", '{"uuid": "i-1", "hostname": 7}', network, "hostname is not text"],
    ["network_data.json truncated", meta, network.slice(0, 30), "network_data.json is not JSON"],
    ["network_data.json a string", meta, '"x"', "network_data.json is not a JSON object"],
    ["links an object", meta, '{"links": {}}', "links is not a list"],
    ["a link that is null", meta, '{"links": [null]}', "links[0] is not a"],
  ])("%s: reported, the rest is used", (_, metaText, networkText, message) => {
    const found = read({
      "/openstack/latest/meta_data.json": metaText,
      "/openstack/latest/network_data.json": networkText,
    });
    if (typeof found === "string") throw new Error(found);
    expect(found.problems.join("\n")).toContain(message);
    expect(found.instanceId === "i-1" || found.network !== undefined).toBe(true);
  });

  test("a byte order mark is no error", () => {
    expect(read({ "/openstack/latest/meta_data.json": `\uFEFF${meta}` })).toMatchObject({
      instanceId: "i-1",
      problems: [],
    });
  });

  test("the newest known version wins; an unknown newer one is not looked at", () => {
    const at = (id: string) => `{"uuid": "${id}", "hostname": "h"}`;
    const found = read({
      "/openstack/2025-04-04/meta_data.json": at("newer"),
      "/openstack/2018-08-27/meta_data.json": at("known"),
      "/openstack/2012-08-10/meta_data.json": at("old"),
      "/openstack/latest/meta_data.json": at("latest"),
    });
    expect(found).toMatchObject({ instanceId: "known" });
  });

  test("the format of 2012 is recognised and refused", () => {
    expect(read({ "/meta.js": "{}" })).toContain("2012");
    expect(read({ "/openstack/other/x": "" })).toContain("no openstack directory");
  });
});
