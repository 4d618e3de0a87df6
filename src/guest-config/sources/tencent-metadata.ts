import { startBudget } from "../initializer/http-retry.ts";
import { asText, type JsonObject } from "../initializer/json-values.ts";
import { tencentNetwork } from "../network/tencent-network.ts";
import type { Datasource } from "./datasource.ts";
import { crawl, largestUserDataBytes, openService, serviceLimitMs } from "./http-service.ts";
import { notOpened } from "./not-opened.ts";
import { publicKeys } from "./openstack-metadata.ts";
import { publicMetadata } from "./public-metadata.ts";

/** The address works without DNS; the name is the same service. */
const bases = ["http://169.254.0.23", "http://metadata.tencentyun.com"];
const version = "/latest";

/** What is used: each document costs a request. */
const wanted = /^(instance-id|hostname|mac|public-keys\/.*)$/;
const macs = "network/interfaces/macs/";
const wantedOfCard = /^[^/]+\/(primary-local-ipv4|local-ipv4s\/([^/]+\/(gateway|subnet-mask)?)?)?$/;

/** Tencent Cloud's metadata service. https://cloud.tencent.com/document/product/213/4934 */
export const tencentMetadata: Datasource = {
  name: "tencent",
  cloudInitName: "TencentCloud",
  find(host, { patienceMs = serviceLimitMs }, tell) {
    const budget = startBudget(host, patienceMs, tell);
    const service = openService(host, { bases, probe: `${version}/meta-data/` }, budget);
    if ("refusal" in service) return notOpened(service, tell);
    const root = `${version}/meta-data/`;
    const top = crawl(service, root, (path) => wanted.test(path));
    const cards = crawl(service, root + macs, (path) => wantedOfCard.test(path));
    const tree: JsonObject = { ...top, network: { interfaces: { macs: cards } } };
    const { network, problems } = tencentNetwork(tree["network"], asText(tree["mac"]));
    const instanceId = asText(tree["instance-id"]);
    const missing = instanceId === undefined ? ["the metadata have no instance-id"] : [];
    return {
      place: service.base,
      instanceId,
      hostname: asText(tree["hostname"]),
      publicKeys: publicKeys(tree["public-keys"]),
      authorizedKeys: {},
      network,
      userData: service.bytes(`${version}/user-data`, largestUserDataBytes),
      metadata: publicMetadata(tree),
      isBroken: instanceId === undefined,
      problems: [...missing, ...service.problems, ...problems],
    };
  },
};
