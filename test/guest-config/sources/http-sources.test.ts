import { describe, expect, test } from "vitest";
import {
  type MetadataCloud,
  type MetadataOptions,
  metadataResponder,
  type Responder,
} from "../../../src/guest-config/formats/metadata-tree.ts";
import { decodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import { keysByUser } from "../../../src/guest-config/initializer/give-access.ts";
import type { InstanceConfig } from "../../../src/guest-config/model.ts";
import type { Datasource, Found } from "../../../src/guest-config/sources/datasource.ts";
import { networkSources } from "../../../src/guest-config/sources/network-sources.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import { datasourceContract } from "../datasource-contract.ts";
import { type Fault, fakeNetwork, httpStatus, unreachable } from "../fake-network.ts";
import { memoryHost } from "./memory-host.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICORRMOCw1shrA/RJB8AI5+qPlNzBFW14iT/Modc6mSg web@x";
const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
const dhcp = macs.map((mac) => ({ mac, dhcp4: true, addresses: [], routes: [], nameservers: [], search: [] }));
const common: InstanceConfig = {
  instanceId: "i-0001",
  hostname: "web-1",
  authorizedKeys: { root: [key, `${key}2`] },
  network: { interfaces: [], nameservers: [], search: [] },
  userData: "#!/bin/sh\necho größe\n",
};
const onDhcp = { ...common, network: { ...common.network, interfaces: dhcp } };
const onStatic: InstanceConfig = {
  ...common,
  network: {
    ...common.network,
    interfaces: macs.map((mac, index) => ({
      ...{ mac, dhcp4: false, nameservers: [], search: [] },
      addresses: [`10.0.${index}.7/24`],
      routes: [{ to: "0.0.0.0/0", via: `10.0.${index}.1` }],
    })),
  },
};

interface Cloud {
  readonly cloud: MetadataCloud;
  readonly source: string;
  readonly origin: string;
  readonly config: InstanceConfig;
  /** Where it may be asked besides. */
  readonly others?: readonly string[];
}

const local = ["http://[fe80::a9fe:a9fe%25eth0]", "http://[fe80::a9fe:a9fe%25eth1]"];
const clouds: readonly Cloud[] = [
  {
    ...{ cloud: "tencent", source: "tencent", origin: "http://169.254.0.23", config: onStatic },
    others: ["http://metadata.tencentyun.com"],
  },
  {
    ...{ cloud: "alibaba", source: "alibaba", origin: "http://100.100.100.200", config: onDhcp },
    others: ["http://[fd00:100::100:200]"],
  },
  { cloud: "huawei", source: "openstack", origin: "http://169.254.169.254", config: onDhcp, others: local },
  { cloud: "openstack", source: "openstack", origin: "http://169.254.169.254", config: onStatic, others: local },
  { cloud: "ec2", source: "ec2", origin: "http://169.254.169.254", config: common },
  { cloud: "nocloud", source: "nocloud-net", origin: "http://10.0.2.2:8000", config: onStatic },
];

/** A machine with two cards, told by its firmware where NoCloud's files are. */
const machine = memoryHost({
  "sys/class/dmi/id/product_serial": "ds=nocloud;s=http://10.0.2.2:8000/",
  ...Object.fromEntries(
    macs.flatMap((mac, index) =>
      Object.entries({ address: mac, type: "1", flags: "0x1003", carrier: "1" }).map(([name, value]) => [
        `sys/class/net/eth${index}/${name}`,
        `${value}\n`,
      ]),
    ),
  ),
});

function sourceOf({ source }: Pick<Cloud, "source">): Datasource {
  return networkSources.find(({ name }) => name === source) as Datasource;
}

function ask(
  cloud: Cloud,
  options: { fault?: Fault; metadata?: MetadataOptions; origin?: string; service?: Responder } = {},
) {
  const { origin = cloud.origin, service = metadataResponder(cloud.cloud, cloud.config, options.metadata) } = options;
  const network = fakeNetwork(machine, { [origin]: service }, options.fault);
  const found = sourceOf(cloud).find(network.host, readSigns(network.host), network.tell);
  expect(network.elapsedMs()).toBeLessThanOrEqual(20_000);
  const mine = [cloud.origin, ...(cloud.others ?? [])];
  const foreign = network.asked.filter((line) => !mine.some((place) => line.split(" ")[1]?.startsWith(`${place}/`)));
  expect(foreign, "nobody but this cloud is asked").toEqual([]);
  return { ...network, found };
}

const named = (cloud: string) => clouds.find((other) => other.cloud === cloud) as Cloud;
const text = (found: Found | undefined) => found?.userData && decodeUtf8(found.userData);

describe.each(clouds)("$cloud", (cloud) => {
  const withService = (fault?: Fault) => {
    const service = metadataResponder(cloud.cloud, cloud.config);
    return fakeNetwork(machine, { [cloud.origin]: service }, fault).host;
  };
  datasourceContract(
    sourceOf(cloud),
    () => ({
      with: () => withService(),
      broken: () => withService(({ method }) => (method === "PUT" ? undefined : httpStatus(200, "\0\x07{["))),
      without: () => fakeNetwork(memoryHost({}), {}).host,
    }),
    cloud.config,
  );

  test("all that it says is read, without a word", () => {
    const { found, told, elapsedMs } = ask(cloud);
    expect(found).toMatchObject({ instanceId: "i-0001", hostname: "web-1", problems: [] });
    expect(found?.place).toContain(cloud.origin);
    expect(found && keysByUser(found)).toEqual(cloud.config.authorizedKeys);
    expect(text(found)).toBe(cloud.config.userData);
    expect(told).toEqual([]);
    expect(elapsedMs()).toBeLessThan(1000);
    expect(JSON.stringify(found?.metadata)).not.toContain("größe");
  });

  test("no user data is no problem", () => {
    const { userData: _, ...config } = cloud.config;
    const { found } = ask({ ...cloud, config });
    expect(found).toMatchObject({ instanceId: "i-0001", problems: [] });
    expect(found?.userData?.length ?? 0).toBe(0);
  });

  test("errors that pass are waited for, and said once when they take long", () => {
    const rounds = 6 * (1 + (cloud.others?.length ?? 0));
    const passing: Fault = (_, count) =>
      count <= rounds ? (count % 2 === 0 ? httpStatus(503) : unreachable) : undefined;
    const { found, told } = ask(cloud, { fault: passing });
    expect(found?.instanceId).toBe("i-0001");
    expect(text(found)).toBe(cloud.config.userData);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^waiting for http:.*: (HTTP 503|Connection refused)$/);
  });

  test.each([
    ["nobody answers", (): Fault => () => unreachable],
    ["packets are lost", (): undefined => undefined],
  ])("%s: it ends in time, and says so", (_, fault) => {
    const network = fakeNetwork(machine, {}, fault());
    const found = sourceOf(cloud).find(network.host, readSigns(network.host), network.tell);
    expect(network.elapsedMs()).toBeLessThanOrEqual(20_000);
    expect(found?.instanceId).toBeUndefined();
    expect([...network.told, ...(found?.problems ?? [])].join("\n")).toMatch(/waiting for http|does not answer/);
  });

  test("errors that do not pass: reported, in time", () => {
    const { found } = ask(cloud, { fault: () => httpStatus(500) });
    expect(found?.problems.join("\n")).toContain("HTTP 500");
    expect(found?.isBroken).toBe(true);
  });

  test("a body of 100 MB is refused, the rest is used", () => {
    const isUserData = (url: string) => /user[-_]data$/.test(url);
    const fault: Fault = ({ url }) =>
      isUserData(url) ? { failure: "the answer is longer than 8388608 bytes", kind: "refused" } : undefined;
    const { found, requests } = ask(cloud, { fault });
    expect(found).toMatchObject({ instanceId: "i-0001", hostname: "web-1" });
    expect(found?.problems.join("\n")).toMatch(/user[-_]data.*longer than/);
    const limits = requests.map(
      ({ url, limitBytes }) => [/(user|vendor)[-_]data$/.test(url) || cloud.cloud === "nocloud", limitBytes] as const,
    );
    for (const [isLarge, limit] of limits) expect(limit).toBeLessThanOrEqual(isLarge ? 8 << 20 : 1 << 20);
  });

  test("documents of the wrong kind: reported, never thrown", () => {
    for (const body of [
      "",
      "null",
      "[]",
      "{",
      '"x"',
      '{"uuid": 7, "instance-id": [], "network": "x"}',
      "\0",
      "a/\nb/\n../\n",
    ]) {
      const { found } = ask(cloud, { fault: ({ method }) => (method === "PUT" ? undefined : httpStatus(200, body)) });
      expect(Array.isArray(found?.problems), JSON.stringify(body)).toBe(true);
    }
  });
});

describe("Tencent", () => {
  test("addresses of all cards are static, the first card's gateway first", () => {
    const interfaces = ask(named("tencent")).found?.network?.interfaces;
    expect(interfaces?.map(({ mac, addresses, dhcp4 }) => ({ mac, addresses, dhcp4 }))).toEqual([
      { mac: macs[0], addresses: ["10.0.0.7/24"], dhcp4: false },
      { mac: macs[1], addresses: ["10.0.1.7/24"], dhcp4: false },
    ]);
    expect(interfaces?.map(({ routes }) => routes.map(({ to, via }) => `${to} ${via}`))).toEqual([
      ["0.0.0.0/0 10.0.0.1"],
      ["0.0.0.0/0 10.0.1.1"],
    ]);
  });

  test("by its name, if the address does not answer", () => {
    const { found } = ask(named("tencent"), { origin: "http://metadata.tencentyun.com" });
    expect(found).toMatchObject({ instanceId: "i-0001", place: "http://metadata.tencentyun.com", problems: [] });
  });
});

describe("Alibaba", () => {
  const alibaba = named("alibaba");

  test.each(["required", "optional", "absent"] as const)("a token that is %s", (token) => {
    const { found, asked, requests } = ask(alibaba, { metadata: { token } });
    expect(found).toMatchObject({ instanceId: "i-0001", problems: [] });
    expect(asked[0]).toBe("PUT http://100.100.100.200/latest/api/token");
    expect(requests[0]?.headers).toEqual({ "X-aliyun-ecs-metadata-token-ttl-seconds": "21600" });
    const given = requests.slice(1).map(({ headers }) => headers?.["X-aliyun-ecs-metadata-token"]);
    expect(new Set(given)).toEqual(new Set([token === "absent" ? undefined : "cloudimg-i-0001"]));
  });

  test("switched off by its owner: nothing more is asked", () => {
    const { found, asked } = ask(alibaba, { metadata: { token: "disabled" } });
    expect(asked).toEqual(["PUT http://100.100.100.200/latest/api/token"]);
    expect(found).toMatchObject({ isBroken: true, problems: [expect.stringContaining("disabled")] });
  });

  test("a token that has run out is asked for again, but not for ever", () => {
    let isExpired = true;
    const once: Fault = ({ method, url }) => {
      if (method === "PUT") return undefined;
      if (!url.endsWith("/user-data") || !isExpired) return undefined;
      isExpired = false;
      return httpStatus(401);
    };
    const { found, asked } = ask(alibaba, { fault: once, metadata: { token: "required" } });
    expect(text(found)).toBe(alibaba.config.userData);
    expect(asked.filter((line) => line.startsWith("PUT"))).toHaveLength(2);
    const always = ask(alibaba, { fault: ({ method }) => (method === "PUT" ? undefined : httpStatus(401)) });
    expect(always.found?.isBroken).toBe(true);
    expect(always.asked.length).toBeLessThan(20);
  });

  test("by IPv6, where there is nothing else", () => {
    const { found, elapsedMs } = ask(alibaba, { origin: "http://[fd00:100::100:200]" });
    expect(found).toMatchObject({ instanceId: "i-0001", place: "http://[fd00:100::100:200]", problems: [] });
    expect(elapsedMs()).toBeLessThan(4000);
  });

  test("a host that is too old for meta-data/all says the same", () => {
    const isAll: Fault = ({ url }) => (url.endsWith("/all") ? httpStatus(404) : undefined);
    const config = { ...alibaba.config, ntpServers: ["ntp1.example", "ntp2.example"] };
    const { found } = ask({ ...alibaba, config }, { fault: isAll });
    expect({ ...found, metadata: undefined }).toEqual({ ...ask({ ...alibaba, config }).found, metadata: undefined });
    expect(found?.network?.interfaces).toHaveLength(2);
  });

  test("lists, vendor data, cards by DHCP with metrics, IPv6 where a card has it", () => {
    const config: InstanceConfig = {
      ...alibaba.config,
      vendorData: "#cloud-config\n{}\n",
      ntpServers: ["ntp1.example", "ntp2.example"],
      network: { ...alibaba.config.network, nameservers: ["100.100.2.136", "100.100.2.138"] },
    };
    const addresses = [{ address: "10.0.0.7/24" }, { address: "10.0.1.7/24", ipv6s: ["2001:db8::7"] }];
    const { found } = ask({ ...alibaba, config }, { metadata: { addresses } });
    expect(found).toMatchObject({ ntpServers: ["ntp1.example", "ntp2.example"], problems: [] });
    expect(found?.vendorData?.map(decodeUtf8)).toEqual([config.vendorData]);
    expect(found?.network?.nameservers).toEqual(["100.100.2.136", "100.100.2.138"]);
    const cards = found?.network?.interfaces.map(({ mac, dhcp4, dhcp6, dhcp4Overrides }) => ({
      ...{ mac, dhcp4, dhcp6 },
      metric: dhcp4Overrides?.["route-metric"],
    }));
    expect(cards).toEqual([
      { mac: macs[0], dhcp4: true, dhcp6: undefined, metric: 100 },
      { mac: macs[1], dhcp4: true, dhcp6: "stateful", metric: 200 },
    ]);
  });
});

describe("OpenStack and Huawei", () => {
  test("by the link-local address of IPv6, where there is nothing else", () => {
    const { found } = ask(named("openstack"), { origin: local[1] as string });
    expect(found).toMatchObject({ instanceId: "i-0001", place: local[1], problems: [] });
  });

  test("the newest version that is known", () => {
    const { asked } = ask(named("openstack"));
    expect(asked.slice(0, 2)).toEqual([
      "GET http://169.254.169.254/openstack",
      "GET http://169.254.169.254/openstack/2018-08-27/meta_data.json",
    ]);
    expect(new Set(asked).size).toBe(asked.length);
  });

  test("Huawei's domain is none, and its cards are cards", () => {
    const service = metadataResponder("huawei", onDhcp);
    expect(service("GET", "/openstack/latest/meta_data.json", {}).body).toContain("web-1.novalocal");
    expect(service("GET", "/openstack/latest/network_data.json", {}).body).toContain("cascading");
    const { found } = ask(named("huawei"));
    expect(found?.hostname).toBe("web-1");
    expect(found?.network?.interfaces.map(({ kind, dhcp4 }) => ({ kind, dhcp4 }))).toEqual([
      { kind: "physical", dhcp4: true },
      { kind: "physical", dhcp4: true },
    ]);
  });
});

describe("EC2", () => {
  const ec2 = named("ec2");

  test.each(["required", "optional", "absent"] as const)("a token that is %s", (token) => {
    expect(ask(ec2, { metadata: { token } }).found).toMatchObject({ instanceId: "i-0001", problems: [] });
  });

  test("a service without versions but latest", () => {
    const fault: Fault = ({ url }) => (url.includes("2009-04-04") ? httpStatus(404) : undefined);
    expect(ask(ec2, { fault }).found).toMatchObject({ instanceId: "i-0001", hostname: "web-1", problems: [] });
  });

  test("keys whose names hold blanks", () => {
    const fault: Fault = ({ url }) =>
      url.endsWith("/public-keys/") ? httpStatus(200, "0=my key (old)\n1=b") : undefined;
    expect(ask(ec2, { fault }).found?.publicKeys).toEqual(common.authorizedKeys["root"]);
  });
});

describe("NoCloud", () => {
  const nocloud = named("nocloud");

  test("the four files, and a network", () => {
    const { found, asked } = ask({ ...nocloud, config: { ...nocloud.config, vendorData: "#!/bin/sh\n" } });
    expect(asked.map((line) => line.replace("GET http://10.0.2.2:8000/", ""))).toEqual([
      "meta-data",
      "user-data",
      "vendor-data",
      "network-config",
    ]);
    expect(found?.vendorData?.map(decodeUtf8)).toEqual(["#!/bin/sh\n"]);
    expect(found?.network?.interfaces.map(({ mac, addresses }) => [mac, addresses])).toEqual([
      [macs[0], ["10.0.0.7/24"]],
      [macs[1], ["10.0.1.7/24"]],
    ]);
  });

  test("redirects are followed, but not for ever", () => {
    const moved =
      (location: string): Fault =>
      ({ url }) =>
        url.includes("/new/") ? undefined : { status: 302, headers: { location }, body: new Uint8Array() };
    const service: Responder = (method, path, headers) =>
      metadataResponder("nocloud", nocloud.config)(method, path.replace("/new", ""), headers);
    const fault: Fault = (request, count) => moved(`/new/${request.url.replace(/.*\//, "")}`)(request, count);
    expect(ask(nocloud, { fault, service }).found).toMatchObject({ instanceId: "i-0001", problems: [] });
    const round = ask(nocloud, { fault: moved("/meta-data") });
    expect(round.found?.problems.join("\n")).toContain("HTTP 302");
    expect(round.asked.length).toBeLessThan(30);
  });

  test("a missing meta-data is said, and what the line says is still used", () => {
    const { found } = ask(nocloud, { fault: ({ url }) => (url.endsWith("/meta-data") ? httpStatus(404) : undefined) });
    expect(found?.problems.join("\n")).toContain("meta-data is missing");
  });
});
