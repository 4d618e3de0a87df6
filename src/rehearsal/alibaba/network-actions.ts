import { createHash } from "node:crypto";
import { isoSeconds } from "../clock.ts";
import { deny } from "./api-error.ts";
import { hasTags, type Parameters, page, tagSet } from "./parameters.ts";
import { type EcsState, isVisible, type KeyPair, type Network, type SecurityGroup, type Subnet } from "./state.ts";

export function createSecurityGroup(state: EcsState, parameters: Parameters) {
  const vpcId = parameters.get("VpcId") ?? "";
  if (!state.vpcs.has(vpcId)) deny(403, "InvalidVpcId.NotFound", "The specified VPC does not exist.");
  const group: SecurityGroup = {
    id: state.newId("sg"),
    region: parameters.must("RegionId"),
    name: parameters.get("SecurityGroupName") ?? "",
    description: parameters.get("Description") ?? "",
    vpcId,
    tags: parameters.tags(),
    createdMs: state.clock.now(),
    rules: [],
  };
  if (group.name !== "" && !/^\p{L}[\p{L}\p{Nd}:_.-]{1,127}$/u.test(group.name)) {
    deny(400, "InvalidSecurityGroupName.Malformed", "The specified SecurityGroupName is not valid.");
  }
  state.securityGroups.set(group.id, group);
  return { SecurityGroupId: group.id };
}

export function authorizeSecurityGroup(state: EcsState, parameters: Parameters) {
  const group = state.securityGroups.get(parameters.must("SecurityGroupId"));
  if (group === undefined || !isVisible(state, group))
    return deny(404, "InvalidSecurityGroupId.NotFound", "There is no such security group.");
  const rules = parameters.list("Permissions");
  for (const rule of rules.length > 0 ? rules : [parameters]) {
    const portRange = rule.get("PortRange") ?? "";
    const source = rule.get("SourceCidrIp") ?? "";
    if (!/^(tcp|udp|all|icmp)$/i.test(rule.get("IpProtocol") ?? "")) {
      deny(400, "InvalidIpProtocol.ValueNotSupported", "The specified IpProtocol is not valid.");
    }
    if (!/^\d+\/\d+$/.test(portRange)) deny(400, "InvalidParameter", "The specified PortRange is not valid.");
    if (source === "") deny(400, "MissingParameter.Source", "A source is not supplied.");
    const protocol = (rule.get("IpProtocol") ?? "").toLowerCase();
    const isKnown = group.rules.some(
      (known) => known.portRange === portRange && known.source === source && known.protocol === protocol,
    );
    if (!isKnown) group.rules.push({ protocol, portRange, source });
  }
  return {};
}

export function describeSecurityGroups(state: EcsState, parameters: Parameters) {
  const region = parameters.must("RegionId");
  const [id, name, vpcId] = ["SecurityGroupId", "SecurityGroupName", "VpcId"].map((field) => parameters.get(field));
  const groups = [...state.securityGroups.values()]
    .filter((group) => group.region === region)
    .filter((group) => id === undefined || group.id === id)
    .filter((group) => name === undefined || group.name === name)
    .filter((group) => vpcId === undefined || group.vpcId === vpcId)
    .filter((group) => hasTags(group.tags, parameters.tags()));
  const { items, fields } = page(parameters, groups);
  const SecurityGroup = items.map((group) => ({
    SecurityGroupId: group.id,
    SecurityGroupName: group.name,
    Description: group.description,
    VpcId: group.vpcId,
    CreationTime: isoSeconds(group.createdMs),
    Tags: tagSet(group.tags),
  }));
  return { RegionId: region, ...fields, SecurityGroups: { SecurityGroup } };
}

/** One that is not there is none to delete. */
export function deleteSecurityGroup(state: EcsState, parameters: Parameters) {
  const id = parameters.must("SecurityGroupId");
  const isUsed = [...state.instances.values()].some(({ securityGroupId }) => securityGroupId === id);
  if (isUsed || (state.heldUntilMs.get(id) ?? 0) > state.clock.now()) {
    deny(403, "DependencyViolation", "There is still instance(s) in the specified security group.");
  }
  state.securityGroups.delete(id);
  return {};
}

const keyOf = (region: string, name: string) => `${region} ${name}`;

export function keyPairOf(state: EcsState, region: string, name: string): KeyPair | undefined {
  return state.keyPairs.get(keyOf(region, name));
}

export function importKeyPair(state: EcsState, parameters: Parameters) {
  const [region, name] = [parameters.must("RegionId"), parameters.must("KeyPairName")];
  const publicKey = parameters.must("PublicKeyBody");
  if (!/^\p{L}[\p{L}\p{Nd}:_.-]{1,127}$/u.test(name)) {
    deny(400, "InvalidKeyPairName.Malformed", "The specified KeyPairName is not valid.");
  }
  if (!/^(ssh-(rsa|ed25519)|ecdsa-\S+) [A-Za-z0-9+/=]+/.test(publicKey)) {
    deny(400, "InvalidPublicKeyBody.Malformed", "The specified PublicKeyBody is not valid.");
  }
  if (keyPairOf(state, region, name) !== undefined) deny(400, "KeyPair.AlreadyExist", "The key pair already exists.");
  const pair = { region, name, publicKey, tags: parameters.tags(), createdMs: state.clock.now() };
  state.keyPairs.set(keyOf(region, name), pair);
  return { KeyPairName: name, KeyPairFingerPrint: fingerprint(pair) };
}

function fingerprint({ publicKey }: KeyPair): string {
  return createHash("md5")
    .update(Buffer.from(publicKey.split(" ")[1] ?? "", "base64"))
    .digest("hex");
}

export function describeKeyPairs(state: EcsState, parameters: Parameters) {
  const region = parameters.must("RegionId");
  const name = parameters.get("KeyPairName");
  const pairs = [...state.keyPairs.values()]
    .filter((pair) => pair.region === region && (name === undefined || pair.name === name))
    .filter((pair) => hasTags(pair.tags, parameters.tags()));
  const { items, fields } = page(parameters, pairs);
  const KeyPair = items.map((pair) => ({
    KeyPairName: pair.name,
    KeyPairFingerPrint: fingerprint(pair),
    CreationTime: isoSeconds(pair.createdMs),
    ...(parameters.flag("IncludePublicKey") && { PublicKey: pair.publicKey }),
    Tags: tagSet(pair.tags),
  }));
  return { ...fields, KeyPairs: { KeyPair } };
}

export function deleteKeyPairs(state: EcsState, parameters: Parameters) {
  const region = parameters.must("RegionId");
  for (const name of jsonStrings(parameters.must("KeyPairNames"), "InvalidKeyPairNames.ValueNotSupported")) {
    state.keyPairs.delete(keyOf(region, name));
  }
  return {};
}

/** A JSON array in a string. */
export function jsonStrings(text: string, code: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  } catch {
    // Refused below.
  }
  return deny(400, code, "The parameter is not a JSON array of strings.");
}

const statusOf = (state: EcsState, { createdMs }: Network) =>
  state.clock.now() >= createdMs + state.delays.networkMs ? "Available" : "Pending";

export function createVpc(state: EcsState, parameters: Parameters) {
  const vpc: Network = {
    id: state.newId("vpc"),
    region: parameters.must("RegionId"),
    name: parameters.get("VpcName") ?? "",
    description: parameters.get("Description") ?? "",
    cidr: parameters.get("CidrBlock") ?? "172.16.0.0/12",
    isDefault: false,
    createdMs: state.clock.now(),
  };
  state.vpcs.set(vpc.id, vpc);
  return { VpcId: vpc.id, VRouterId: state.newId("vrt"), RouteTableId: state.newId("vtb") };
}

export function createVSwitch(state: EcsState, parameters: Parameters) {
  const vpc = state.vpcs.get(parameters.must("VpcId"));
  if (vpc === undefined) return deny(403, "InvalidVpcId.NotFound", "The specified VPC does not exist.");
  if (statusOf(state, vpc) !== "Available") deny(400, "IncorrectVpcStatus", "The VPC is not available yet.");
  const cidr = parameters.must("CidrBlock");
  const isTaken = [...state.vSwitches.values()].some((one) => one.vpcId === vpc.id && one.cidr === cidr);
  if (isTaken) deny(400, "InvalidCidrBlock.Overlapped", "The specified CIDR block is overlapped with other subnets.");
  const vSwitch: Subnet = {
    id: state.newId("vsw"),
    region: vpc.region,
    vpcId: vpc.id,
    zone: parameters.must("ZoneId"),
    name: parameters.get("VSwitchName") ?? "",
    description: parameters.get("Description") ?? "",
    cidr,
    isDefault: false,
    createdMs: state.clock.now(),
  };
  state.vSwitches.set(vSwitch.id, vSwitch);
  return { VSwitchId: vSwitch.id };
}

function networkFields(state: EcsState, network: Network) {
  return {
    VpcId: network.id,
    Description: network.description,
    CidrBlock: network.cidr,
    IsDefault: network.isDefault,
    CreationTime: isoSeconds(network.createdMs),
    Status: statusOf(state, network),
  };
}

export function describeVpcs(state: EcsState, parameters: Parameters) {
  const id = parameters.get("VpcId");
  const region = parameters.must("RegionId");
  const vpcs = [...state.vpcs.values()].filter((vpc) => vpc.region === region && (id === undefined || vpc.id === id));
  const { items, fields } = page(parameters, vpcs);
  const Vpc = items.map((vpc) => ({ ...networkFields(state, vpc), VpcName: vpc.name, RegionId: vpc.region }));
  return { ...fields, Vpcs: { Vpc } };
}

export function describeVSwitches(state: EcsState, parameters: Parameters) {
  const [id, vpcId, zone] = ["VSwitchId", "VpcId", "ZoneId"].map((field) => parameters.get(field));
  const region = parameters.get("RegionId");
  const vSwitches = [...state.vSwitches.values()]
    .filter((one) => region === undefined || one.region === region)
    .filter((one) => id === undefined || one.id === id)
    .filter((one) => vpcId === undefined || one.vpcId === vpcId)
    .filter((one) => zone === undefined || one.zone === zone);
  const { items, fields } = page(parameters, vSwitches);
  const VSwitch = items.map((one) => ({
    ...networkFields(state, one),
    VSwitchId: one.id,
    VSwitchName: one.name,
    VpcId: one.vpcId,
    ZoneId: one.zone,
    AvailableIpAddressCount: 252,
  }));
  return { ...fields, VSwitches: { VSwitch } };
}

export function deleteVSwitch(state: EcsState, parameters: Parameters) {
  const id = parameters.must("VSwitchId");
  if (!state.vSwitches.has(id)) deny(404, "InvalidVSwitchId.NotFound", "There is no such vSwitch.");
  const isUsed = [...state.instances.values()].some(({ vSwitchId }) => vSwitchId === id);
  if (isUsed || (state.heldUntilMs.get(id) ?? 0) > state.clock.now()) {
    deny(403, "DependencyViolation", "The vSwitch is still in use.");
  }
  state.vSwitches.delete(id);
  return {};
}

export function deleteVpc(state: EcsState, parameters: Parameters) {
  const id = parameters.must("VpcId");
  if (!state.vpcs.has(id)) deny(403, "InvalidVpcId.NotFound", "There is no such VPC.");
  const isUsed =
    [...state.vSwitches.values()].some(({ vpcId }) => vpcId === id) ||
    [...state.securityGroups.values()].some(({ vpcId }) => vpcId === id);
  if (isUsed) deny(403, "DependencyViolation", "The VPC is still in use.");
  state.vpcs.delete(id);
  return {};
}
