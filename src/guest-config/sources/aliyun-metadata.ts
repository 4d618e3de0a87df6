import type { Host } from "../initializer/host.ts";
import { startBudget } from "../initializer/http-retry.ts";
import { asObject, asText, asTexts, type JsonObject, parseJson } from "../initializer/json-values.ts";
import { aliyunNetwork } from "../network/aliyun-network.ts";
import { bestNic, listNics } from "../network/nics.ts";
import { readNameservers } from "../network/subnet.ts";
import type { ParsedNetwork } from "../network-state.ts";
import type { Datasource } from "./datasource.ts";
import { crawl, largestUserDataBytes, openService, type Service, serviceLimitMs } from "./http-service.ts";
import { notOpened } from "./not-opened.ts";
import { publicKeys } from "./openstack-metadata.ts";
import { publicMetadata } from "./public-metadata.ts";

/** The second is for cards that have IPv6 only. */
const bases = ["http://100.100.100.200", "http://[fd00:100::100:200]"];
const version = "/2016-01-01";
const token = {
  path: "/latest/api/token",
  ttlHeader: "X-aliyun-ecs-metadata-token-ttl-seconds",
  header: "X-aliyun-ecs-metadata-token",
};

const wanted =
  /^(instance-id|hostname|mac|private-ipv4|image-id|region-id|zone-id|instance\/([\w-]+)?|(public-keys|dns-conf|ntp-conf|network)\/.*)$/;

/** Alibaba Cloud's metadata service. https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata */
export const aliyunMetadata: Datasource = {
  name: "alibaba",
  cloudInitName: "AliYun",
  find(host, { patienceMs = serviceLimitMs }, tell) {
    const budget = startBudget(host, patienceMs, tell);
    const service = openService(host, { bases, probe: `${version}/meta-data/all`, token }, budget);
    if ("refusal" in service) return notOpened(service, tell);
    const tree = readTree(service);
    const problems: string[] = [];
    const network = readNetwork(host, tree, problems);
    const instanceId = asText(tree["instance-id"]);
    if (instanceId === undefined) problems.push("the metadata have no instance-id");
    const userData = service.bytes(`${version}/user-data`, largestUserDataBytes);
    const vendorData = service.bytes(`${version}/vendor-data`, largestUserDataBytes);
    const ntpServers = asTexts(asObject(tree["ntp-conf"])?.["ntp-servers"]);
    return {
      place: service.base,
      instanceId,
      hostname: asText(tree["hostname"]),
      publicKeys: publicKeys(tree["public-keys"]),
      authorizedKeys: {},
      network: network.network,
      userData,
      vendorData: vendorData && [vendorData],
      ntpServers: ntpServers.length === 0 ? undefined : ntpServers,
      metadata: publicMetadata(tree),
      isBroken: instanceId === undefined,
      problems: [...service.problems, ...problems, ...network.problems],
    };
  },
};

/** All in one document; older hosts have only the directories. */
function readTree(service: Service): JsonObject {
  const text = service.text(`${version}/meta-data/all`);
  if (text !== undefined) {
    try {
      const tree = asObject(parseJson(text));
      if (tree !== undefined) return tree;
      service.problems.push("meta-data/all is not a JSON object");
    } catch {
      // Not what the parser says: it quotes the text, which may hold credentials.
      service.problems.push("meta-data/all is not JSON");
    }
  }
  return crawl(service, `${version}/meta-data/`, (path) => wanted.test(path));
}

/** The cards get their addresses by DHCP. Name servers are told here too, for cards whose server does not tell them. */
function readNetwork(host: Host, tree: JsonObject, problems: string[]): ParsedNetwork {
  const nics = listNics(host);
  const byMac = Object.fromEntries(nics.map(({ mac, name }) => [mac, name]));
  const parsed = aliyunNetwork(tree["network"], byMac, bestNic(nics)?.name, true);
  const nameservers = readNameservers(asObject(tree["dns-conf"])?.["nameservers"], { what: "dns-conf", problems });
  return parsed.network === undefined ? parsed : { ...parsed, network: { ...parsed.network, nameservers } };
}
