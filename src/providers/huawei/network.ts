import { createHash } from "node:crypto";
import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { Resource } from "../cloud.ts";
import { onceKnown } from "../fresh.ts";
import type { HuaweiClient } from "./client.ts";
import { ignoreMissing, isMissing, makeOnce } from "./make-once.ts";

export type Made = (resource: Resource) => Promise<void>;

interface Vpc {
  readonly id: string;
  readonly name: string;
  readonly status: string;
}

interface Subnet {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly dhcp_enable: boolean;
}

/** Networks, security groups and key pairs have no tags in these APIs: their name tells the run. */
export function nameOfRun(run: string): string {
  return `${namePrefix}${run.replace(/[^\w-]/g, "_")}`.slice(0, mostNameLength - digestLength - 2);
}

/** Of a key pair's own name, which ends in a digest of the key. */
export function nameOfKeyPair(id: string): string {
  return id.replace(/--[0-9a-f]+$/, "");
}

/** Of a security group and of a key pair. */
const mostNameLength = 64;
const digestLength = 8;

export const namePrefix = "cloudimg-";

const pageLength = 1000;

export async function listAll<Item extends { readonly id: string }>(
  client: HuaweiClient,
  operation: "vpc.ListVpcs" | "vpc.ListSubnets" | "vpc.ListSecurityGroups" | "eip.ListPublicips",
  { key, what, query = {} }: { key: string; what: string; query?: Record<string, string> },
  context: Context,
): Promise<Item[]> {
  const all: Item[] = [];
  for (;;) {
    const page = { ...query, limit: pageLength, marker: all.at(-1)?.id };
    const answer = await client.call<Record<string, Item[] | undefined>>(operation, { what, query: page }, context);
    const items = answer[key] ?? [];
    all.push(...items);
    if (items.length < pageLength) return all;
  }
}

/** The network that every account begins with, else one of the run's own: others of the account are not ours to use. */
export async function prepareNetwork(
  client: HuaweiClient,
  name: string,
  made: Made,
  context: Context,
): Promise<{ readonly vpcId: string; readonly subnetId: string }> {
  const { region } = client;
  const vpcs = () => listAll<Vpc>(client, "vpc.ListVpcs", { key: "vpcs", what: "list the networks" }, context);
  const subnets = (vpc_id: string) =>
    listAll<Subnet>(
      client,
      "vpc.ListSubnets",
      { key: "subnets", what: "list the subnets", query: { vpc_id } },
      context,
    );
  const byDefault = (await vpcs()).find((vpc) => vpc.name === "vpc-default" && vpc.status === "OK");
  if (byDefault !== undefined) {
    const subnet = (await subnets(byDefault.id)).find(({ status, dhcp_enable }) => status === "ACTIVE" && dhcp_enable);
    if (subnet !== undefined) return { vpcId: byDefault.id, subnetId: subnet.id };
  }
  const vpc = await makeOnce(
    client,
    {
      look: async () => (await vpcs()).find((there) => there.name === name),
      make: async () => {
        const body = { vpc: { name, cidr: "192.168.0.0/24" } };
        return (await client.call<{ vpc: Vpc }>("vpc.CreateVpc", { what: "make a network", body }, context)).vpc;
      },
    },
    context,
  );
  await made({ kind: "network", id: vpc.id, region, name });
  const subnet = await makeOnce(
    client,
    {
      look: async () => (await subnets(vpc.id)).find((there) => there.name === name),
      make: async () => {
        const body = {
          subnet: { name, cidr: "192.168.0.0/24", gateway_ip: "192.168.0.1", vpc_id: vpc.id, dhcp_enable: true },
        };
        return (await client.call<{ subnet: Subnet }>("vpc.CreateSubnet", { what: "make a subnet", body }, context))
          .subnet;
      },
    },
    context,
  );
  await made({ kind: "subnet", id: subnet.id, region, name });
  return { vpcId: vpc.id, subnetId: subnet.id };
}

interface SecurityGroup {
  readonly id: string;
  readonly name: string;
  readonly security_group_rules?: readonly { readonly direction: string; readonly port_range_min: number | null }[];
}

/** Lets in TCP to these ports, from anywhere, and nothing else. */
export async function prepareSecurityGroup(
  client: HuaweiClient,
  { name, ports }: { name: string; ports: readonly number[] },
  made: Made,
  context: Context,
): Promise<string> {
  const list = { key: "security_groups", what: "list the security groups" };
  const group = await makeOnce(
    client,
    {
      look: async () =>
        (await listAll<SecurityGroup>(client, "vpc.ListSecurityGroups", list, context)).find(
          (there) => there.name === name,
        ),
      make: async () => {
        const call = { what: "make a security group", body: { security_group: { name } } };
        return (await client.call<{ security_group: SecurityGroup }>("vpc.CreateSecurityGroup", call, context))
          .security_group;
      },
    },
    context,
  );
  await made({ kind: "security-group", id: group.id, region: client.region, name });
  const open = new Set(
    group.security_group_rules?.filter(({ direction }) => direction === "ingress").map((rule) => rule.port_range_min),
  );
  for (const port of new Set(ports)) {
    if (open.has(port)) continue;
    const range = { port_range_min: port, port_range_max: port, remote_ip_prefix: "0.0.0.0/0" };
    const rule = { security_group_id: group.id, direction: "ingress", ethertype: "IPv4", protocol: "tcp", ...range };
    const call = { what: `open port ${port}`, body: { security_group_rule: rule }, isRepeatable: true };
    try {
      await onceKnown(client.connection, context, () => client.call("vpc.CreateSecurityGroupRule", call, context));
    } catch (error) {
      // A rule that is there already, made by a request whose answer was lost.
      if (!(error instanceof CloudimgError && error.code === "cloud/busy")) throw error;
    }
  }
  return group.id;
}

/** Of the run's public key; the name tells which key it is, so that another key of the same run is another pair. */
export async function prepareKeyPair(
  client: HuaweiClient,
  { name: base, publicKeyLine }: { name: string; publicKeyLine: string },
  made: Made,
  context: Context,
): Promise<string> {
  const publicKey = publicKeyLine.trim();
  const name = `${base}--${createHash("sha256").update(publicKey).digest("hex").slice(0, digestLength)}`;
  await makeOnce(
    client,
    {
      look: async () => {
        try {
          const call = { what: "look for the key pair", path: { keypair_name: name } };
          return await client.call<object>("ecs.NovaShowKeypair", call, context);
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      },
      make: () => {
        const call = { what: "make a key pair", body: { keypair: { name, public_key: publicKey } } };
        return client.call<object>("ecs.NovaCreateKeypair", call, context);
      },
    },
    context,
  );
  await made({ kind: "key-pair", id: name, region: client.region, name });
  return name;
}

/** Of a subnet, whose deletion names its network too. */
export async function removeSubnet(client: HuaweiClient, id: string, context: Context): Promise<void> {
  await ignoreMissing(async () => {
    const shown = { what: `look at the subnet ${id}`, path: { subnet_id: id } };
    const { subnet } = await client.call<{ subnet: { vpc_id: string } }>("vpc.ShowSubnet", shown, context);
    const call = { what: `remove the subnet ${id}`, path: { subnet_id: id, vpc_id: subnet.vpc_id } };
    await client.call("vpc.DeleteSubnet", call, context);
  });
}
