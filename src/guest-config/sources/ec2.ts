import { startBudget } from "../initializer/http-retry.ts";
import { asText } from "../initializer/json-values.ts";
import type { Datasource } from "./datasource.ts";
import { crawl, largestUserDataBytes, openService, serviceLimitMs } from "./http-service.ts";
import { notOpened } from "./not-opened.ts";
import { publicKeys } from "./openstack-metadata.ts";
import { publicMetadata } from "./public-metadata.ts";

const token = {
  path: "/latest/api/token",
  ttlHeader: "X-aws-ec2-metadata-token-ttl-seconds",
  header: "X-aws-ec2-metadata-token",
};

/** The first version that all have, and what those have who have no versions. */
const versions = ["/2009-04-04", "/latest"];

const wanted =
  /^(instance-id|hostname|local-hostname|local-ipv4|mac|ami-id|instance-type|placement\/(availability-zone)?|public-keys\/.*)$/;

/** Amazon's metadata service, and those that are like it. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html */
export const ec2: Datasource = {
  name: "ec2",
  cloudInitName: "Ec2",
  find(host, _signs, tell) {
    const budget = startBudget(host, serviceLimitMs, tell);
    const bases = ["http://169.254.169.254"];
    const service = openService(host, { bases, probe: `${versions[0]}/meta-data/instance-id`, token }, budget);
    if ("refusal" in service) return notOpened(service, tell);
    const version = versions.find((name) => service.text(`${name}/meta-data/instance-id`) !== undefined);
    const tree = version === undefined ? {} : crawl(service, `${version}/meta-data/`, (path) => wanted.test(path));
    const instanceId = asText(tree["instance-id"]);
    const missing = instanceId === undefined ? ["the metadata have no instance-id"] : [];
    return {
      place: service.base,
      instanceId,
      hostname: asText(tree["local-hostname"]) ?? asText(tree["hostname"]),
      publicKeys: publicKeys(tree["public-keys"]),
      authorizedKeys: {},
      userData: version === undefined ? undefined : service.bytes(`${version}/user-data`, largestUserDataBytes),
      metadata: publicMetadata(tree),
      isBroken: instanceId === undefined,
      problems: [...missing, ...service.problems],
    };
  },
};
