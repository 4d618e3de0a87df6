import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planIso9660 } from "../../src/build/filesystems/iso9660.ts";
import { findFormat, formatSource } from "../../src/commands/config-drive-source.ts";
import type { ByteSource } from "../../src/core/byte-source.ts";
import { treeOf } from "../../src/guest-config/formats/files.ts";
import {
  type MetadataCloud,
  type MetadataOptions,
  metadataResponder,
  type Responder,
} from "../../src/guest-config/formats/metadata-tree.ts";
import { alibabaOsConf, tencentOsConf } from "../../src/guest-config/formats/os-conf.ts";
import type { InstanceConfig } from "../../src/guest-config/model.ts";
import { type MetadataServer, startMetadataServer } from "../../src/machine/metadata-server.ts";
import { linkLocalOf } from "../../src/machine/network/addresses.ts";
import type { VirtualNetworkOptions } from "../../src/machine/network/options.ts";
import { startVirtualNetwork } from "../../src/machine/network/virtual-network.ts";
import type { Smbios } from "../../src/machine/smbios.ts";
import { type BootedMachine, type BuiltForBoot, buildForBoot, withDisk, withMachine } from "./boot.ts";

// Every source, as the guest meets it: the machine's firmware, drives and metadata service say what that cloud's do.

const mac = "52:54:00:aa:00:01";
const yaml = `
extends: cloudimg:base
image:
  name: probe
instance:
  interfaces:
    - mac: ${mac}
`;

const leased = "10.7.0.20/24";
/** Where nobody has said anything, a card asks in both families. */
const leasedCard = /nics=eth0:dhcp(\+dhcp6)?:10\.7\.0\.20\/24 /;
const withDhcp: VirtualNetworkOptions = {
  ipv4: ["10.7.0.1/24"],
  dhcp: { lease: { address: leased, routers: ["10.7.0.1"], nameservers: ["10.7.0.1"] } },
};
/** Not what a DHCP server would give. */
const staticAddress = "10.7.0.77/24";
const staticNetwork = (config: InstanceConfig): InstanceConfig => ({
  ...config,
  network: {
    interfaces: [
      {
        ...{ mac, dhcp4: false, addresses: [staticAddress], search: ["example.org"] },
        routes: [{ to: "0.0.0.0/0", via: "10.7.0.1" }],
        nameservers: ["10.7.0.1"],
      },
    ],
    nameservers: [],
    search: [],
  },
});

interface Situation {
  readonly smbios?: Smbios;
  readonly network?: VirtualNetworkOptions;
  /** What the instance is told, by drive and service alike. */
  readonly config?: (config: InstanceConfig) => InstanceConfig;
  readonly drive?: (config: InstanceConfig) => ByteSource;
  /** The service's addresses and ports. */
  readonly places?: readonly string[];
  readonly cloud?: MetadataCloud;
  readonly metadata?: MetadataOptions;
  /** What is wrong with the service. */
  readonly damage?: (service: Responder) => Responder;
  /** A disk that another boot has used, or will use. */
  readonly diskFile?: string;
}

/** Of the right form, and of no password. */
const passwordHash = `$6$saltsalt$${"hash/of.nothing".padEnd(86, "x")}`;
const userData = '#!/bin/sh\necho "size größe" > /told\n';

let built: BuiltForBoot;
beforeAll(async () => {
  built = await buildForBoot(yaml);
}, 300_000);
afterAll(() => built?.remove());

/** Boots the image where it finds this, and ends it after the work. */
async function boots(
  situation: Situation,
  work: (guest: BootedMachine, server: MetadataServer) => Promise<void>,
): Promise<void> {
  const { smbios, network = withDhcp, config: change = (config) => config, drive, places = [] } = situation;
  const { cloud, metadata, diskFile, damage = (whole) => whole } = situation;
  const signal = new AbortController().signal;
  let service: Responder = () => ({ status: 503, headers: {}, body: "" });
  const server = await startMetadataServer((...request) => service(...request), {}, signal);
  const endpoint = { host: "127.0.0.1", port: server.port };
  const services = Object.fromEntries(places.map((place) => [place, endpoint]));
  const link = await startVirtualNetwork({ ...network, services }, signal);
  try {
    const ssh = { host: "127.0.0.1", port: await link.forward(linkLocalOf(mac), 22) };
    const configDrive = (config: InstanceConfig) => {
      const told = change({ ...config, hostname: "web-1", userData });
      if (cloud !== undefined) service = damage(metadataResponder(cloud, told, metadata));
      return drive?.(told);
    };
    const machine = { nics: [await link.plug(mac)], diskFile, ...(smbios === undefined ? {} : { smbios }) };
    await withMachine(built, async (guest) => await work(guest, server), { ssh, configDrive, machine });
  } finally {
    await link.close();
    await server.close();
  }
}

/** Waits for the initializer and gives what it says on the console of its sources, and its last line. */
async function consoleOf(guest: BootedMachine): Promise<{ datasource: string[]; ready: string }> {
  const ready = await guest.line(/cloudimg-init: ready: /);
  const lines = guest.console().split("\n");
  return { datasource: lines.filter((line) => line.includes("cloudimg-init: datasource:")), ready };
}

/** All that a source is for has come: who the instance is, its keys (or else nobody could ask), its name, its user data. */
async function expectConfigured(guest: BootedMachine, source: string, address: string): Promise<void> {
  await guest.ready();
  const { run, config } = guest;
  const status = JSON.parse(await run("cloudimg-init status --wait --format json"));
  expect(status).toMatchObject({ status: "done", source, instanceId: config.instanceId, errors: [] });
  expect(await run("hostname")).toBe("web-1");
  expect(await run("ip -o -4 addr show dev eth0 | awk '{print $4}'")).toBe(address);
  expect(await run("ip -4 route show default")).toContain("via 10.7.0.1");
  expect(await run("cat /told")).toBe("size größe");
  if (process.env["CLOUDIMG_FIGURES"]) console.log((await consoleOf(guest)).ready);
}

const tencent: Smbios = { system: { manufacturer: "Tencent Cloud", product: "CVM" } };
const alibaba: Smbios = { system: { manufacturer: "Alibaba Cloud", product: "Alibaba Cloud ECS" } };
const tencentPlaces = ["169.254.0.23:80"];

describe("Tencent", { timeout: 120_000 }, () => {
  test("a CD with network_data.json", async () => {
    const drive = (config: InstanceConfig) => formatSource(findFormat("tencent"), config).source;
    await boots({ smbios: tencent, config: staticNetwork, drive, places: tencentPlaces }, async (guest, server) => {
      await expectConfigured(guest, "config-drive", staticAddress);
      expect(await guest.run("grep search /etc/resolv.conf")).toBe("search example.org");
      expect(server.requests(), "a drive that says all needs no service").toEqual([]);
    });
  });

  const osConfDrive = (config: InstanceConfig) => {
    const text = tencentOsConf({ ...config, passwordHash });
    const tree = treeOf({ "/qcloud_action/os.conf": text }, 0);
    return planIso9660({ tree, label: "config-2", epochSeconds: 0 });
  };

  test("a CD with os.conf, and no service: address and name", async () => {
    const network = { ...withDhcp, dhcp: {} };
    await boots({ smbios: tencent, config: staticNetwork, drive: osConfDrive, network }, async (guest) => {
      const { ready } = await consoleOf(guest);
      expect(ready).toContain(`nics=eth0:static:${staticAddress}`);
      expect(guest.console()).toContain("cloudimg-init: hostname: web-1");
      expect(guest.console()).not.toContain("hash/of.nothing");
    });
  });

  test("a CD with os.conf, and the service for the rest", async () => {
    const situation = { smbios: tencent, config: staticNetwork, drive: osConfDrive, places: tencentPlaces };
    await boots({ ...situation, cloud: "tencent" }, async (guest) => {
      await guest.ready();
      expect(await guest.run("hostname")).toBe("web-1");
      expect(await guest.run("ip -o -4 addr show dev eth0 | awk '{print $4}'")).toBe(staticAddress);
      expect((await guest.run("grep '^root:' /etc/shadow")).split(":")[1]).toBe(passwordHash);
    });
  });

  test("the service alone: the address that it says", async () => {
    await boots({ smbios: tencent, config: staticNetwork, places: tencentPlaces, cloud: "tencent" }, async (guest) => {
      await expectConfigured(guest, "tencent", staticAddress);
    });
  });
});

describe("Alibaba", { timeout: 120_000 }, () => {
  const places = ["100.100.100.200:80", "[fd00:100::100:200]:80"];

  test("with a token", async () => {
    const metadata = { token: "required" } as const;
    await boots({ smbios: alibaba, places, cloud: "alibaba", metadata }, async (guest, server) => {
      await expectConfigured(guest, "alibaba", leased);
      const [first] = server.requests();
      expect(first).toMatchObject({ method: "PUT", path: "/latest/api/token", status: 200 });
    });
  });

  test("without tokens", async () => {
    const metadata = { token: "absent" } as const;
    await boots({ smbios: alibaba, places, cloud: "alibaba", metadata }, async (guest) => {
      await expectConfigured(guest, "alibaba", leased);
    });
  });

  test("switched off: DHCP, and a word on it", async () => {
    const metadata = { token: "disabled" } as const;
    await boots({ smbios: alibaba, places, cloud: "alibaba", metadata }, async (guest, server) => {
      const { ready, datasource } = await consoleOf(guest);
      expect(ready).toMatch(leasedCard);
      expect(datasource.join("\n")).toContain("the owner has disabled the metadata service");
      expect(server.requests().map(({ method }) => method)).toEqual(["PUT"]);
    });
  });

  test("where there is IPv6 only", async () => {
    const network = { ipv6: { prefixes: ["2001:db8:7::1/64"] } };
    const metadata = { addresses: [{ ipv6s: ["2001:db8:7::77"] }] };
    await boots({ smbios: alibaba, network, places: places.slice(1), cloud: "alibaba", metadata }, async (guest) => {
      await guest.ready();
      expect(await guest.run("hostname")).toBe("web-1");
      // Degraded: the network that this cloud's instances are given asks for an address of IPv4 too.
      expect(JSON.parse(await guest.run("cloudimg-init status --wait --format json || [ $? = 2 ]"))).toMatchObject({
        source: "alibaba",
        place: "http://[fd00:100::100:200]",
        instanceId: guest.config.instanceId,
      });
      expect(await guest.run("cat /told")).toBe("size größe");
    });
  });
});

describe("Alibaba's os.conf in the first partition", { timeout: 240_000 }, () => {
  test("its address; it is gone after use, and the service says the rest", async () => {
    const drive = (config: InstanceConfig) => formatSource(findFormat("config-drive"), config).source;
    await withDisk(async (diskFile) => {
      await boots({ drive, diskFile }, async (guest) => {
        await guest.ready();
        const text = alibabaOsConf(staticNetwork({ ...guest.config, hostname: "web-1" }));
        await guest.run(`mkdir /aliyun_custom_image && printf '${text}' > /aliyun_custom_image/os.conf && sync`);
      });
      const service = { places: ["100.100.100.200:80"], cloud: "alibaba", smbios: alibaba } as const;
      await boots({ ...service, diskFile }, async (guest) => {
        await expectConfigured(guest, "alibaba", staticAddress);
        expect(await guest.run("ls /aliyun_custom_image 2>&1 || true")).toContain("No such file");
      });
    });
  });
});

describe("OpenStack and Huawei", { timeout: 120_000 }, () => {
  const places = ["169.254.169.254:80"];

  test("Huawei", async () => {
    const smbios: Smbios = { chassis: { asset: "HUAWEICLOUD" } };
    await boots({ smbios, places, cloud: "huawei" }, async (guest) => {
      await expectConfigured(guest, "openstack", leased);
    });
  });

  test("user data of 100 MB, a network that is no JSON, errors in between: in with what is left", async () => {
    const smbios: Smbios = { system: { product: "OpenStack Nova" } };
    let count = 0;
    const damage =
      (service: Responder): Responder =>
      (method, path, headers) => {
        const body = path.endsWith("/user_data") ? "x".repeat(100 << 20) : "{";
        if (/\/(user_data|network_data.json)$/.test(path)) return { status: 200, headers: {}, body };
        return count++ % 2 === 0 ? { status: 503, headers: {}, body: "" } : service(method, path, headers);
      };
    await boots({ smbios, places, cloud: "openstack", damage }, async (guest) => {
      await guest.ready();
      const status = JSON.parse(await guest.run("cloudimg-init status --wait --format json || [ $? = 2 ]"));
      expect(status).toMatchObject({ status: "degraded", source: "openstack", instanceId: guest.config.instanceId });
      expect(status.recoverable_errors.WARNING.join("\n")).toContain(
        "user_data cannot be read: the answer is longer than 8388608 bytes",
      );
      expect(status.recoverable_errors.WARNING.join("\n")).toContain("network_data.json is not JSON");
      expect(await guest.run("hostname")).toBe("web-1");
      expect(await guest.run("ip -o -4 addr show dev eth0 | awk '{print $4}'")).toBe(leased);
      expect(status.totalMs).toBeLessThan(30_000);
    });
  });

  test("OpenStack, by the link-local address of IPv6", async () => {
    const smbios: Smbios = { system: { product: "OpenStack Nova" } };
    const situation = { smbios, config: staticNetwork, places: ["[fe80::a9fe:a9fe]:80"] };
    await boots({ ...situation, cloud: "openstack" }, async (guest) => {
      await expectConfigured(guest, "openstack", staticAddress);
    });
  });
});

describe("NoCloud", { timeout: 120_000 }, () => {
  test("a drive", async () => {
    const drive = (config: InstanceConfig) => formatSource(findFormat("nocloud"), config).source;
    await boots({ config: staticNetwork, drive }, async (guest) => {
      await expectConfigured(guest, "nocloud", staticAddress);
    });
  });

  test("an URL in the machine's serial number", async () => {
    const smbios: Smbios = { system: { serial: "ds=nocloud;s=http://192.0.2.80:8000/" } };
    const places = ["192.0.2.80:8000"];
    await boots({ smbios, config: staticNetwork, places, cloud: "nocloud" }, async (guest, server) => {
      await expectConfigured(guest, "nocloud-net", staticAddress);
      expect(server.requests().map(({ path, status }) => `${path} ${status}`)).toEqual([
        "/meta-data 200",
        "/user-data 200",
        "/vendor-data 404",
        "/network-config 200",
      ]);
    });
  });
});

describe("nothing", { timeout: 120_000 }, () => {
  test("DHCP, and nobody is asked anything", async () => {
    const places = ["169.254.169.254:80", "100.100.100.200:80", "169.254.0.23:80"];
    await boots({ places, cloud: "openstack" }, async (guest, server) => {
      const { ready, datasource } = await consoleOf(guest);
      expect(ready).toContain("source=none instance=none");
      expect(ready).toMatch(leasedCard);
      expect(datasource).toHaveLength(1);
      expect(server.requests()).toEqual([]);
    });
  });
});
