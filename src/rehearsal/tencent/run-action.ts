import { type Action, type Input, objectOf, ServiceError, tagsOf, textOf, textsOf } from "./action.ts";
import { imageOf } from "./image-actions.ts";
import { startInstance } from "./instance-life.ts";
import { soldOut, wantedItem } from "./offer-actions.ts";
import type { InstanceRecord } from "./records.ts";
import { isSeen, type TencentWorld } from "./world.ts";

export const runActions: Readonly<Record<string, Action>> = {
  RunInstances: {
    required: ["Placement", "ImageId"],
    optional: [
      "InstanceChargeType",
      "InstanceType",
      "SystemDisk",
      "VirtualPrivateCloud",
      "InternetAccessible",
      "InstanceCount",
      "InstanceName",
      "LoginSettings",
      "SecurityGroupIds",
      "ClientToken",
      "ActionTimer",
      "TagSpecification",
      "InstanceMarketOptions",
      "UserData",
      "DryRun",
    ],
    run(input, world, region) {
      const token = input["ClientToken"] === undefined ? undefined : textOf(input, "ClientToken");
      if (token !== undefined && token.length > 64)
        throw new ServiceError("InvalidClientToken.TooLong", "The ClientToken has more than 64 characters.");
      const body = JSON.stringify(input);
      const earlier = token === undefined ? undefined : world.launches.get(token);
      if (earlier !== undefined) {
        if (earlier.body === body) return { InstanceIdSet: earlier.ids };
        throw new ServiceError("InvalidParameterCombination", "The ClientToken was used for another request.");
      }
      const instance = wantedInstance(input, world, region);
      if (input["DryRun"] === true) return {};
      startInstance(world, instance);
      if (token !== undefined) world.launches.set(token, { body, ids: [instance.id] });
      return { InstanceIdSet: [instance.id] };
    },
  },
};

function wantedInstance(input: Input, world: TencentWorld, region: string): InstanceRecord {
  const image = imageOf(world, region, textOf(input, "ImageId"));
  if (image.state !== "NORMAL")
    throw new ServiceError("InvalidParameterValue.InvalidImageState", `The image \`${image.id}\` is ${image.state}.`);
  const { item, zone, chargeType } = wantedItem(input, world, region);
  const isArmImage = image.architecture === "arm";
  if (isArmImage !== item.family.startsWith("SR"))
    throw new ServiceError("InvalidParameterValue.InvalidImageForGivenInstanceType", "The image is not for that type.");
  const network = objectOf(input, "VirtualPrivateCloud");
  const subnet = world.subnets.find(({ id, vpcId }) => id === network["SubnetId"] && vpcId === network["VpcId"]);
  if (subnet === undefined)
    throw new ServiceError("InvalidParameterValue.InvalidVpcIdSubnetIdNotFound", "The network is not found.");
  if (subnet.zone !== zone)
    throw new ServiceError("InvalidParameterValue.SubnetIdZoneIdNotMatch", "The subnet is in another zone.");
  const securityGroupIds = textsOf(input, "SecurityGroupIds");
  for (const id of securityGroupIds) {
    if (!world.securityGroups.some((group) => group.id === id && group.region === region && isSeen(group, world)))
      throw new ServiceError("InvalidSecurityGroupId.NotFound", `The security group \`${id}\` does not exist.`);
  }
  const keyIds = loginKeys(objectOf(input, "LoginSettings"), world, region);
  const diskGib = Number(objectOf(input, "SystemDisk")["DiskSize"] ?? 50);
  if (diskGib < Math.max(20, image.sizeGib))
    throw new ServiceError("InvalidParameterValue.Range", "The system disk is too small.");
  const userData = input["UserData"] === undefined ? undefined : Buffer.from(textOf(input, "UserData"), "base64");
  if (userData !== undefined && userData.length > 16 * 1024)
    throw new ServiceError("InvalidParameterValue.InvalidUserDataFormat", "The UserData has more than 16 KB.");
  const endsAtMs = timerOf(objectOf(input, "ActionTimer"), world);
  // Last: lists are not always right.
  if (!item.isThere) throw soldOut(item);
  const id = world.nextId("ins");
  const privateAddress = freeAddress(world);
  const last = privateAddress.split(".").at(-1);
  const isPublic = objectOf(input, "InternetAccessible")["PublicIpAssigned"] === true;
  return {
    id,
    region,
    zone,
    image,
    chargeType,
    diskGib,
    securityGroupIds,
    keyIds,
    userData,
    endsAtMs,
    name: String(input["InstanceName"] ?? "unnamed"),
    instanceType: item.instanceType,
    createdMs: world.clock.now(),
    subnetId: subnet.id,
    vpcId: subnet.vpcId,
    tags: tagsOf(input, "instance"),
    privateAddress,
    // RFC 5737: a network that nobody has.
    publicAddress: isPublic ? `203.0.113.${last}` : undefined,
    state: "PENDING",
  };
}

function freeAddress({ instances }: TencentWorld): string {
  const used = new Set(instances.map(({ privateAddress }) => privateAddress));
  for (let host = 10; host < 250; host++) if (!used.has(`172.16.0.${host}`)) return `172.16.0.${host}`;
  throw new ServiceError("LimitExceeded.SubnetIpExceeded", "There are no addresses left.");
}

function loginKeys(login: Input, world: TencentWorld, region: string): string[] {
  const keyIds = textsOf(login, "KeyIds");
  const ways = [keyIds.length > 0, login["Password"] !== undefined, login["KeepImageLogin"] === "TRUE"];
  if (ways.filter(Boolean).length > 1)
    throw new ServiceError("InvalidParameter.ParameterConflict", "The ways to log in exclude one another.");
  for (const id of keyIds) {
    if (!world.keyPairs.some((pair) => pair.id === id && pair.region === region && isSeen(pair, world)))
      throw new ServiceError("InvalidParameterValue.KeyPairNotFound", `The key pair \`${id}\` does not exist.`);
  }
  return keyIds;
}

function timerOf(timer: Input, { clock }: TencentWorld): number | undefined {
  if (timer["ActionTime"] === undefined) return undefined;
  const time = textOf(timer, "ActionTime");
  const endsAtMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(time) ? Date.parse(time) : Number.NaN;
  if (timer["TimerAction"] !== "TerminateInstances" || Number.isNaN(endsAtMs))
    throw new ServiceError("InvalidParameterValue.InvalidTimeFormat", "The ActionTimer is not valid.");
  if (endsAtMs <= clock.now() + 5 * 60_000)
    throw new ServiceError("InvalidParameterValue", "The ActionTime must be more than five minutes ahead.");
  return endsAtMs;
}
