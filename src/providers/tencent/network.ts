import { createHash } from "node:crypto";
import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { InstanceRequest, Resource } from "../cloud.ts";
import { allPages } from "./pages.ts";
import type { Settings } from "./settings.ts";
import { fromVendorTags, hasTags, toVendorTags } from "./tags.ts";
import { isKeyForKeyPair } from "./user-data.ts";

export type Made = (resource: Resource) => Promise<void>;

/**
 * The default subnet of the zone, which Tencent makes when it is asked for and there is none. It costs nothing, each account has one, and other instances may use it:
 * it is none of what a run has to tidy away.
 */
export async function subnetOf({ api }: Settings, zone: string, context: Context) {
  const what = `find a subnet in ${zone}`;
  const filters = [
    { Name: "zone", Values: [zone] },
    { Name: "is-default", Values: ["true"] },
  ];
  const { SubnetSet } = await api("vpc", "DescribeSubnets", { Filters: filters }, { what, context });
  const subnet = SubnetSet?.[0] ?? (await api("vpc", "CreateDefaultVpc", { Zone: zone }, { what, context })).Vpc;
  return { VpcId: subnet?.VpcId ?? "", SubnetId: subnet?.SubnetId ?? "" };
}

/** A security group that lets in what is asked for, and lets out everything: a group without egress rules lets nothing out. */
export async function securityGroupFor(
  settings: Settings,
  request: Pick<InstanceRequest, "name" | "tags" | "openPorts">,
  made: Made,
  context: Context,
): Promise<string> {
  const { api, region } = settings;
  const { name, tags, openPorts } = request;
  const what = `make the security group ${name}`;
  const find = async () => {
    const filters = [{ Name: "security-group-name", Values: [name] }];
    const groups = await listSecurityGroups(settings, filters, what, context);
    return groups.find((group) => group.SecurityGroupName === name && hasTags(fromVendorTags(group.TagSet), tags));
  };
  const create = async () => {
    const anywhere = { CidrBlock: "0.0.0.0/0", Action: "ACCEPT" };
    const ports = openPorts.map((port) => ({ Protocol: "TCP", Port: String(port), ...anywhere }));
    const body = {
      GroupName: name,
      GroupDescription: "made by cloudimg for a run, and removed after it",
      SecurityGroupPolicySet: {
        Ingress: ports,
        Egress: [{ Protocol: "ALL", Port: "ALL", ...anywhere }],
      },
      Tags: toVendorTags(tags),
    };
    return (await api("vpc", "CreateSecurityGroupWithPolicies", body, { what, context, once: true })).SecurityGroup;
  };
  const group = (await find()) ?? (await unlessLost(settings, context, create, find));
  const id = group?.SecurityGroupId ?? "";
  await made({ kind: "security-group", id, region, name });
  return id;
}

/** Undefined if Tencent has no key pairs of that kind. */
export async function keyPairFor(
  settings: Settings,
  { name, tags, publicKeyLine }: Pick<InstanceRequest, "name" | "tags" | "publicKeyLine">,
  made: Made,
  context: Context,
): Promise<string | undefined> {
  if (!isKeyForKeyPair(publicKeyLine)) return undefined;
  const { api, region } = settings;
  // Letters, digits and underscores, 25 at most.
  const KeyName = `cloudimg_${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
  const what = `make the key pair ${KeyName}`;
  const find = async () => {
    const filters = [{ Name: "key-name", Values: [KeyName] }];
    const pairs = await listKeyPairs(settings, filters, what, context);
    return pairs.find((pair) => pair.KeyName === KeyName && hasTags(fromVendorTags(pair.Tags), tags))?.KeyId;
  };
  const create = async () => {
    const specification = [{ ResourceType: "keypair", Tags: toVendorTags(tags) }];
    const body = { KeyName, ProjectId: 0, PublicKey: publicKeyLine.trim(), TagSpecification: specification };
    return (await api("cvm", "ImportKeyPair", body, { what, context, once: true })).KeyId;
  };
  const id = (await find()) ?? (await unlessLost(settings, context, create, find)) ?? "";
  await made({ kind: "key-pair", id, region, name: KeyName });
  return id;
}

/** What was asked for once, and whose answer was lost, may have been made: then it is found. If it was not, it is asked for again. */
async function unlessLost<T>(
  { connection }: Settings,
  { signal }: Context,
  create: () => Promise<T>,
  find: () => Promise<T | undefined>,
): Promise<T> {
  try {
    return await create();
  } catch (error) {
    if (!(error instanceof CloudimgError) || error.code !== "cloud/unreachable") throw error;
    // New things are not listed at once.
    await connection.sleep(3000, signal);
    return (await find()) ?? (await create());
  }
}

type Filters = { Name: string; Values: string[] }[];

/** VPC counts in strings. */
export function listSecurityGroups({ api }: Settings, Filters: Filters, what: string, context: Context) {
  return allPages(async (offset, limit) => {
    const request = { Filters, Offset: String(offset), Limit: String(limit) };
    return (await api("vpc", "DescribeSecurityGroups", request, { what, context })).SecurityGroupSet;
  });
}

export function listKeyPairs({ api }: Settings, Filters: Filters, what: string, context: Context) {
  return allPages(async (Offset, Limit) => {
    return (await api("cvm", "DescribeKeyPairs", { Filters, Offset, Limit }, { what, context })).KeyPairSet;
  });
}
