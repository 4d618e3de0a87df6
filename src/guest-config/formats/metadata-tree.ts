import { formatIp, formatNetmask, parsePrefix } from "../ip.ts";
import type { InstanceConfig, InterfaceConfig } from "../model.ts";
import { openstackVersions } from "./config-drive.ts";
import { type FileContent, json } from "./files.ts";
import { metaData, splitKeys } from "./meta-data.ts";
import { nocloudFiles } from "./nocloud.ts";
import { openstackFiles } from "./openstack-files.ts";

/** What clouds tell an instance over HTTP, in each cloud's own words. */

/** Whom a metadata service can pretend to be. */
export const metadataClouds = ["tencent", "alibaba", "huawei", "openstack", "ec2", "nocloud"] as const;
export type MetadataCloud = (typeof metadataClouds)[number];

/** What a card has got, whoever has given it. */
export interface NicAddress {
  /** IPv4, with prefix length. */
  readonly address?: string | undefined;
  readonly gateway?: string | undefined;
  readonly ipv6s?: readonly string[] | undefined;
}

export interface MetadataOptions {
  /** Of the cards in `config.network.interfaces`, in their order: for what these leave to DHCP. */
  readonly addresses?: readonly NicAddress[] | undefined;
  /** Where the instance is. Default: the cloud's own example. */
  readonly region?: string | undefined;
  readonly zone?: string | undefined;
  /** Alibaba and EC2: whether a token must be asked for first, and whether there are any. Default: as the cloud has it (Alibaba `optional`, EC2 `required`). */
  readonly token?: "required" | "optional" | "absent" | "disabled" | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: FileContent;
}

/** Header names in lower case; the path may have a query. */
export type Responder = (method: string, path: string, headers: Readonly<Record<string, string>>) => Answer;

/** A metadata service as a function of what it is asked. */
export function metadataResponder(
  cloud: MetadataCloud,
  config: InstanceConfig,
  { addresses = [], token, ...place }: MetadataOptions = {},
): Responder {
  const cards = config.network.interfaces.map((nic, index) => cardOf(nic, addresses[index]));
  switch (cloud) {
    case "tencent":
      return files(versioned(["latest", "2017-09-19", "1.0"], tencentFiles(config, cards, place)));
    case "alibaba": {
      const tree = files(versioned(["latest", "2016-01-01"], alibabaFiles(config, cards, place)));
      return withToken(tree, { ...alibabaToken, value: `cloudimg-${config.instanceId}`, rule: token ?? "optional" });
    }
    case "ec2": {
      const tree = files(versioned(["latest", "2009-04-04"], ec2Files(config, cards)));
      return withToken(tree, { ...ec2Token, value: `cloudimg-${config.instanceId}`, rule: token ?? "required" });
    }
    case "huawei":
      return files({ ...huaweiFiles(config, place), ...versioned(["latest"], ec2Files(config, cards)) });
    case "openstack":
      return files({ ...inVersions(openstackFiles(config)), ...versioned(["latest"], ec2Files(config, cards)) });
    case "nocloud":
      return files(Object.fromEntries(Object.entries(nocloudFiles(config)).map(([name, text]) => [`/${name}`, text])));
  }
}

type Place = Pick<MetadataOptions, "region" | "zone">;

interface Card {
  readonly mac: string;
  readonly address?: string | undefined;
  readonly netmask?: string | undefined;
  readonly gateway?: string | undefined;
  readonly ipv6s: readonly string[];
}

function cardOf({ mac, addresses, routes }: InterfaceConfig, given: NicAddress | undefined): Card {
  const isV6 = (text: string) => text.includes(":");
  const own = given?.address ?? addresses.find((text) => !isV6(text));
  const prefix = own === undefined ? undefined : parsePrefix(own);
  return {
    mac,
    address: prefix && formatIp(prefix.address),
    netmask: prefix && formatNetmask(prefix.length, 4),
    gateway: given?.gateway ?? routes.find(({ to }) => to === "0.0.0.0/0")?.via,
    ipv6s: given?.ipv6s ?? addresses.filter(isV6).map((text) => text.replace(/\/.*/, "")),
  };
}

/** cloud.tencent.com/document/product/213/4934. No token. MAC addresses are in upper case, also in paths. */
function tencentFiles(
  config: InstanceConfig,
  cards: readonly Card[],
  { region = "ap-guangzhou", zone = `${region}-3` }: Place,
): Record<string, FileContent | undefined> {
  const { keys } = splitKeys(config);
  return {
    "meta-data/instance-id": config.instanceId,
    "meta-data/instance-name": config.hostname,
    "meta-data/hostname": config.hostname,
    "meta-data/uuid": config.instanceId,
    "meta-data/local-ipv4": cards[0]?.address,
    "meta-data/mac": cards[0]?.mac.toUpperCase(),
    "meta-data/placement/region": region,
    "meta-data/placement/zone": zone,
    ...Object.fromEntries(keys.map((line, index) => [`meta-data/public-keys/${index}/openssh-key`, line])),
    ...Object.fromEntries(
      cards.flatMap(({ mac, address, netmask, gateway }) => {
        const card = `meta-data/network/interfaces/macs/${mac.toUpperCase()}`;
        const ip = `${card}/local-ipv4s/${address}`;
        return [
          [`${card}/mac`, mac.toUpperCase()],
          [`${card}/primary-local-ipv4`, address],
          ...(address === undefined
            ? []
            : [
                [`${ip}/local-ipv4`, address],
                [`${ip}/subnet-mask`, netmask],
                [`${ip}/gateway`, gateway],
              ]),
        ];
      }),
    ),
    "user-data": config.userData,
  };
}

const alibabaToken = { ttlHeader: "x-aliyun-ecs-metadata-token-ttl-seconds", header: "x-aliyun-ecs-metadata-token" };

/** help.aliyun.com/document_detail/214777.html. Lists are separated by CR LF. */
function alibabaFiles(
  config: InstanceConfig,
  cards: readonly Card[],
  { region = "cn-hangzhou", zone = `${region}-h` }: Place,
): Record<string, FileContent | undefined> {
  const { keys } = splitKeys(config);
  const { nameservers } = config.network;
  const tree = {
    "instance-id": config.instanceId,
    hostname: config.hostname,
    "region-id": region,
    "zone-id": zone,
    "image-id": "m-cloudimg",
    mac: cards[0]?.mac,
    "private-ipv4": cards[0]?.address,
    ...(nameservers.length === 0 ? {} : { "dns-conf": { nameservers: nameservers.join("\r\n") } }),
    ...(config.ntpServers === undefined ? {} : { "ntp-conf": { "ntp-servers": config.ntpServers.join("\r\n") } }),
    ...(keys.length === 0
      ? {}
      : { "public-keys": Object.fromEntries(keys.map((line, index) => [index, { "openssh-key": line }])) }),
    network: {
      interfaces: {
        macs: Object.fromEntries(
          cards.map(({ mac, address, netmask, gateway, ipv6s }, index) => [
            mac,
            {
              "network-interface-id": `eni-cloudimg${index}`,
              "primary-ip-address": address,
              "private-ipv4s": address && `["${address}"]`,
              netmask,
              gateway,
              ...(ipv6s.length === 0 ? {} : { ipv6s: `[${ipv6s.join(",")}]` }),
            },
          ]),
        ),
      },
    },
  };
  return {
    "meta-data/all": json(tree),
    ...Object.fromEntries(leaves("meta-data", tree)),
    "user-data": config.userData,
    "vendor-data": config.vendorData,
  };
}

/** An object of objects as paths of directories and files. */
function leaves(path: string, value: unknown): [string, string][] {
  if (typeof value !== "object" || value === null) return value === undefined ? [] : [[path, String(value)]];
  return Object.entries(value).flatMap(([key, item]) => leaves(`${path}/${key}`, item));
}

const ec2Token = { ttlHeader: "x-aws-ec2-metadata-token-ttl-seconds", header: "x-aws-ec2-metadata-token" };

/** docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html */
function ec2Files(config: InstanceConfig, cards: readonly Card[]): Record<string, FileContent | undefined> {
  const { keys } = splitKeys(config);
  return {
    "meta-data/instance-id": config.instanceId,
    "meta-data/hostname": config.hostname,
    "meta-data/local-hostname": config.hostname,
    "meta-data/local-ipv4": cards[0]?.address,
    "meta-data/mac": cards[0]?.mac,
    // Here a directory says what its entries stand for.
    ...(keys.length === 0
      ? {}
      : { "meta-data/public-keys/": keys.map((_, index) => `${index}=key-${index}`).join("\n") }),
    ...Object.fromEntries(keys.map((line, index) => [`meta-data/public-keys/${index}/openssh-key`, line])),
    "user-data": config.userData,
  };
}

function inVersions(named: Readonly<Record<string, FileContent>>): Record<string, FileContent> {
  const entries = Object.entries(named);
  return Object.fromEntries(
    openstackVersions.flatMap((version) => entries.map(([name, text]) => [`/openstack/${version}/${name}`, text])),
  );
}

/** Huawei's is OpenStack's, with a domain that resolves nowhere and cards of a kind of their own (support.huaweicloud.com/usermanual-ecs/ecs_03_0166.html). */
function huaweiFiles(config: InstanceConfig, { region = "cn-north-4", zone }: Place): Record<string, FileContent> {
  const named = openstackFiles(config);
  const edit = (name: string, change: (document: never) => object) =>
    typeof named[name] !== "string" ? {} : { [name]: json(change(JSON.parse(named[name]) as never)) };
  return inVersions({
    ...named,
    "meta_data.json": json({
      ...metaData(config),
      hostname: `${config.hostname}.novalocal`,
      region_id: region,
      ...(zone !== undefined && { availability_zone: zone }),
    }),
    ...edit("network_data.json", (document: { links: object[]; networks: object[] }) => ({
      ...document,
      links: document.links.map((link) => ({ ...link, type: "cascading" })),
      networks: document.networks.map((network) => ({ ...network, qos: {} })),
    })),
  });
}

function versioned(
  versions: readonly string[],
  tree: Readonly<Record<string, FileContent | undefined>>,
): Record<string, FileContent> {
  return Object.fromEntries(
    versions.flatMap((version) =>
      Object.entries(tree).flatMap(([path, text]) => (text === undefined ? [] : [[`/${version}/${path}`, text]])),
    ),
  );
}

const plain = { "content-type": "text/plain; charset=utf-8" };

function answer(status: number, body: FileContent): Answer {
  return { status, headers: plain, body };
}

/** Files, and directories as lists of what is in them: a line each, with a slash behind what is a directory again. */
function files(tree: Readonly<Record<string, FileContent>>): Responder {
  return (method, target) => {
    if (method !== "GET" && method !== "HEAD") return answer(405, "method not allowed\n");
    const path = (target.split("?")[0] as string).replace(/\/{2,}/g, "/");
    if (Object.hasOwn(tree, path)) return answer(200, tree[path] as FileContent);
    const directory = path.endsWith("/") ? path : `${path}/`;
    if (Object.hasOwn(tree, directory)) return answer(200, tree[directory] as FileContent);
    const inside = Object.keys(tree).filter((name) => name.startsWith(directory));
    if (inside.length === 0) return answer(404, "not found\n");
    const names = inside.map((name) => /^[^/]*\/?/.exec(name.slice(directory.length))?.[0] ?? "");
    return answer(200, [...new Set(names)].join("\n"));
  };
}

interface TokenRule {
  /** In lower case. */
  readonly ttlHeader: string;
  readonly header: string;
  readonly value: string;
  readonly rule: "required" | "optional" | "absent" | "disabled";
}

/** The token that both Amazon and Alibaba want to be asked for by PUT. */
function withToken(tree: Responder, { ttlHeader, header, value, rule }: TokenRule): Responder {
  return (method, path, headers) => {
    if (rule === "disabled") return answer(403, "the owner has disabled this service\n");
    if (path === "/latest/api/token") {
      if (rule === "absent") return answer(404, "not found\n");
      const seconds = Number(headers[ttlHeader]);
      if (method !== "PUT") return answer(405, "method not allowed\n");
      return seconds >= 1 && seconds <= 21_600 ? answer(200, value) : answer(400, "bad time to live\n");
    }
    const given = headers[header];
    if (rule !== "absent" && given !== undefined && given !== value) return answer(401, "no such token\n");
    if (rule === "required" && given === undefined) return answer(401, "a token is required\n");
    return tree(method, path, headers);
  };
}
