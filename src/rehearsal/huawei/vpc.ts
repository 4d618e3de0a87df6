import { isoSeconds } from "../clock.ts";
import { type Call, denyNeutron, fieldsOf, nothing, type Operation, ok, page, textOf } from "./call.ts";
import type { EipRecord, SecurityGroupRecord, SecurityRule, SubnetRecord, VpcRecord } from "./records.ts";
import { type HuaweiWorld, inRegion } from "./world.ts";

/** Virtual Private Cloud v1, and Elastic IP v1, which has its host. */
export const vpcOperations = {
  "vpc.ListVpcs": ({ world, region, query }) =>
    ok({ vpcs: page(inRegion(world.vpcs.values(), region), query, idOf, 2000).map((vpc) => vpcAnswer(world, vpc)) }),
  "vpc.CreateVpc": ({ world, region, body }) => {
    const vpc = fieldsOf(body["vpc"]);
    const cidr = textOf(vpc["cidr"]) ?? "";
    const record = { id: world.newId(), region, name: textOf(vpc["name"]) ?? "", cidr, createdMs: world.clock.now() };
    world.vpcs.set(record.id, record);
    return ok({ vpc: vpcAnswer(world, record) });
  },
  "vpc.DeleteVpc": (call) => {
    const vpc = found(call, call.world.vpcs, "vpc_id");
    if ([...call.world.subnets.values()].some(({ vpcId }) => vpcId === vpc.id))
      denyNeutron(409, "RouterInUse", `Router ${vpc.id} still has ports.`);
    call.world.vpcs.delete(vpc.id);
    return nothing;
  },
  "vpc.ListSubnets": ({ world, region, query }) => {
    const vpc = query.get("vpc_id");
    const subnets = inRegion(world.subnets.values(), region).filter(({ vpcId }) => vpc === null || vpcId === vpc);
    return ok({ subnets: page(subnets, query, idOf, 2000).map((subnet) => subnetAnswer(world, subnet)) });
  },
  "vpc.ShowSubnet": (call) => ok({ subnet: subnetAnswer(call.world, found(call, call.world.subnets, "subnet_id")) }),
  "vpc.CreateSubnet": ({ world, region, body }) => {
    const subnet = fieldsOf(body["subnet"]);
    const vpcId = textOf(subnet["vpc_id"]) ?? "";
    if (!world.vpcs.has(vpcId)) denyNeutron(404, "RouterNotFound", `Router ${vpcId} could not be found.`);
    const [name, cidr, gateway] = [subnet["name"], subnet["cidr"], subnet["gateway_ip"]].map(
      (value) => textOf(value) ?? "",
    );
    if (!name || !cidr || !gateway) denyNeutron(400, "BadRequest", "name, cidr and gateway_ip are required.");
    const record = { id: world.newId(), region, name, cidr, gateway, vpcId, createdMs: world.clock.now() };
    world.subnets.set(record.id, record);
    return ok({ subnet: subnetAnswer(world, record) });
  },
  "vpc.DeleteSubnet": (call) => {
    const subnet = found(call, call.world.subnets, "subnet_id");
    if ([...call.world.servers.values()].some(({ subnetId }) => subnetId === subnet.id))
      denyNeutron(
        409,
        "SubnetInUse",
        `Unable to complete operation on subnet ${subnet.id}: One or more ports have an IP allocation.`,
      );
    call.world.subnets.delete(subnet.id);
    return nothing;
  },
  "vpc.ListSecurityGroups": ({ world, region, query }) => {
    const groups = page(inRegion(world.securityGroups.values(), region), query, idOf, 2000);
    return ok({ security_groups: groups.map((group) => groupAnswer(world, group)) });
  },
  "vpc.CreateSecurityGroup": ({ world, region, body }) => {
    const name = textOf(fieldsOf(body["security_group"])["name"]) ?? "";
    if (!/^[\p{L}\p{Nd}_.-]{1,64}$/u.test(name)) denyNeutron(400, "BadRequest", "Invalid input for name.");
    if (inRegion(world.securityGroups.values(), region).length >= world.quotas.securityGroups)
      denyNeutron(409, "OverQuota", "Quota exceeded for resources: ['security_group'].");
    const id = world.newId();
    const any = { protocol: null, min: null, max: null, prefix: null };
    const rules: SecurityRule[] = [
      { id: world.newId(), direction: "egress", ethertype: "IPv4", ...any, groupId: null },
      { id: world.newId(), direction: "ingress", ethertype: "IPv4", ...any, groupId: id },
    ];
    const group = { id, region, name, rules, createdMs: world.clock.now() };
    world.securityGroups.set(id, group);
    return ok({ security_group: groupAnswer(world, group) });
  },
  "vpc.DeleteSecurityGroup": (call) => {
    const group = found(call, call.world.securityGroups, "security_group_id");
    if ([...call.world.servers.values()].some(({ securityGroupIds }) => securityGroupIds.includes(group.id)))
      denyNeutron(409, "SecurityGroupInUse", `Security Group ${group.id} in use.`);
    call.world.securityGroups.delete(group.id);
    return nothing;
  },
  "vpc.CreateSecurityGroupRule": ({ world, region, body }) => {
    const rule = fieldsOf(body["security_group_rule"]);
    const group = world.securityGroups.get(textOf(rule["security_group_id"]) ?? "");
    if (group === undefined || group.region !== region || world.clock.now() < group.createdMs + world.delays.unseenMs)
      denyNeutron(404, "SecurityGroupNotFound", "The security group does not exist.");
    const { direction } = rule;
    if (direction !== "ingress" && direction !== "egress")
      denyNeutron(400, "BadRequest", "Invalid input for direction.");
    const record: SecurityRule = {
      id: world.newId(),
      direction,
      ethertype: textOf(rule["ethertype"]) ?? "IPv4",
      protocol: textOf(rule["protocol"]) ?? null,
      min: typeof rule["port_range_min"] === "number" ? rule["port_range_min"] : null,
      max: typeof rule["port_range_max"] === "number" ? rule["port_range_max"] : null,
      prefix: textOf(rule["remote_ip_prefix"]) ?? null,
      groupId: null,
    };
    const same = ({ id: _, ...one }: SecurityRule, { id: __, ...other }: SecurityRule) =>
      JSON.stringify(one) === JSON.stringify(other);
    if (group.rules.some((there) => same(there, record)))
      denyNeutron(409, "SecurityGroupRuleExists", "Security group rule already exists.");
    group.rules.push(record);
    return ok({ security_group_rule: ruleAnswer(world, group, record) });
  },

  "eip.ListPublicips": ({ world, region, query }) =>
    ok({
      publicips: page(inRegion(world.eips.values(), region), query, idOf, 2000).map((eip) => eipAnswer(world, eip)),
    }),
  "eip.DeletePublicip": (call) => {
    const eip = found(call, call.world.eips, "publicip_id");
    if (eip.serverId !== undefined) denyNeutron(409, "PublicIpInUse", `The public address ${eip.address} is in use.`);
    call.world.eips.delete(eip.id);
    return nothing;
  },
} as const satisfies Record<string, Operation>;

const idOf = ({ id }: { readonly id: string }) => id;

function found<R extends { readonly region: string }>(
  { path, region }: Call,
  records: ReadonlyMap<string, R>,
  name: string,
): R {
  const record = records.get(path[name] ?? "");
  if (record === undefined || record.region !== region)
    denyNeutron(404, "NotFound", `${path[name]} could not be found.`);
  return record;
}

function vpcAnswer({ account }: HuaweiWorld, { id, region, name, cidr, createdMs }: VpcRecord): object {
  const times = { created_at: isoSeconds(createdMs), updated_at: isoSeconds(createdMs) };
  const rest = { description: "", routes: [], enterprise_project_id: "0", tenant_id: account.projectIn(region) };
  const newer = { block_service_endpoint_states: "off", enable_network_address_usage_metrics: false };
  return { id, name, cidr, status: "OK", ...rest, ...times, ...newer };
}

function subnetAnswer(
  { account }: HuaweiWorld,
  { id, region, name, cidr, gateway, vpcId, createdMs }: SubnetRecord,
): object {
  return {
    id,
    name,
    cidr,
    description: "",
    gateway_ip: gateway,
    ipv6_enable: false,
    cidr_v6: "",
    gateway_ip_v6: "",
    dhcp_enable: true,
    primary_dns: "100.125.1.250",
    secondary_dns: "100.125.129.250",
    dnsList: ["100.125.1.250", "100.125.129.250"],
    availability_zone: "",
    vpc_id: vpcId,
    status: "ACTIVE",
    neutron_network_id: id,
    neutron_subnet_id: id,
    neutron_subnet_id_v6: "",
    extra_dhcp_opts: [],
    tenant_id: account.projectIn(region),
    created_at: isoSeconds(createdMs),
    updated_at: isoSeconds(createdMs),
    enable_network_address_usage_metrics: false,
    available_ip_address_count: 250,
  };
}

function groupAnswer(world: HuaweiWorld, group: SecurityGroupRecord): object {
  const { id, name, rules } = group;
  return { id, name, description: "", security_group_rules: rules.map((rule) => ruleAnswer(world, group, rule)) };
}

function ruleAnswer({ account }: HuaweiWorld, group: SecurityGroupRecord, rule: SecurityRule): object {
  return {
    id: rule.id,
    description: "",
    security_group_id: group.id,
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: rule.protocol,
    port_range_min: rule.min,
    port_range_max: rule.max,
    remote_ip_prefix: rule.prefix,
    remote_group_id: rule.groupId,
    remote_address_group_id: null,
    tenant_id: account.projectIn(group.region),
  };
}

function eipAnswer({ account, servers }: HuaweiWorld, eip: EipRecord): object {
  const server = servers.get(eip.serverId ?? "");
  return {
    id: eip.id,
    public_ip_address: eip.address,
    status: server === undefined ? "DOWN" : "ACTIVE",
    type: "5_bgp",
    tenant_id: account.projectIn(eip.region),
    create_time: isoSeconds(eip.createdMs).replace("T", " ").replace("Z", ""),
    bandwidth_id: eip.id,
    bandwidth_name: eip.bandwidthName,
    bandwidth_share_type: "PER",
    bandwidth_size: eip.sizeMbit,
    enterprise_project_id: "0",
    ip_version: "4",
    ...(server !== undefined && { port_id: `port-${server.id}`, private_ip_address: server.privateAddress }),
  };
}
