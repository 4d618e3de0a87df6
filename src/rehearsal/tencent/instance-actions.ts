import { isoSeconds } from "../clock.ts";
import { type Action, type Input, isMatch, objectsOf, pageOf, ServiceError, textOf, textsOf } from "./action.ts";
import { endInstance } from "./instance-life.ts";
import type { InstanceRecord } from "./records.ts";
import { isSeen, type TencentWorld } from "./world.ts";

export const instanceActions: Readonly<Record<string, Action>> = {
  DescribeInstances: {
    optional: ["InstanceIds", "Filters", "Offset", "Limit"],
    run(input, world, region) {
      const ids = textsOf(input, "InstanceIds");
      const filters = objectsOf(input, "Filters");
      if (ids.length > 0 && filters.length > 0)
        throw new ServiceError("InvalidParameter", "InstanceIds and Filters conflict.");
      for (const id of ids) requireInstanceId(id);
      const found = world.instances.filter(
        (instance) =>
          instance.region === region &&
          isSeen(instance, world) &&
          (ids.length === 0 || ids.includes(instance.id)) &&
          isMatch(filters, filterable(instance), instance.tags, ["instance-name"]),
      );
      const { page, total } = pageOf(input, found);
      return { InstanceSet: page.map(described), TotalCount: total };
    },
  },

  TerminateInstances: {
    required: ["InstanceIds"],
    optional: ["ReleaseAddress", "ReleasePrepaidDataDisks"],
    run(input, world, region) {
      const instances = textsOf(input, "InstanceIds").map((id) => instanceOf(world, region, id));
      for (const instance of instances) {
        if (instance.state === "TERMINATING")
          throw new ServiceError("UnsupportedOperation.InstanceStateTerminating", "The instance is TERMINATING.");
        if (world.clock.now() < instance.createdMs + world.delays.settleMs)
          throw new ServiceError("OperationDenied.InstanceOperationInProgress", "The instance is being operated on.");
      }
      for (const instance of instances) endInstance(world, instance);
      return {};
    },
  },

  DescribeInstanceVncUrl: {
    required: ["InstanceId"],
    run(input, world, region) {
      const { id, state } = instanceOf(world, region, textOf(input, "InstanceId"));
      if (state !== "RUNNING") throw new ServiceError("InvalidInstanceState", `The instance is ${state}.`);
      return { InstanceVncUrl: encodeURIComponent(`wss://${region}.vnc.example/${id}`) };
    },
  },
};

function instanceOf(world: TencentWorld, region: string, id: string): InstanceRecord {
  requireInstanceId(id);
  const instance = world.instances.find((one) => one.id === id && one.region === region);
  if (instance === undefined || !isSeen(instance, world))
    throw new ServiceError("InvalidInstanceId.NotFound", `The instance \`${id}\` does not exist.`);
  return instance;
}

function requireInstanceId(id: string): void {
  if (!/^ins-[0-9a-z]{8}$/.test(id))
    throw new ServiceError("InvalidInstanceId.Malformed", `The instance id \`${id}\` is malformed.`);
}

function filterable(instance: InstanceRecord) {
  return {
    zone: [instance.zone],
    "instance-id": [instance.id],
    "instance-name": [instance.name],
    "instance-state": [instance.state],
    "instance-charge-type": [instance.chargeType],
    "image-id": [instance.image.id],
    "security-group-id": instance.securityGroupIds,
  };
}

function described(instance: InstanceRecord): Input {
  const isUp = instance.state !== "PENDING" && instance.state !== "LAUNCH_FAILED";
  const isFailed = instance.state === "LAUNCH_FAILED";
  const isStarted = instance.state !== "PENDING";
  return {
    InstanceId: instance.id,
    InstanceName: instance.name,
    InstanceType: instance.instanceType,
    InstanceState: instance.state,
    InstanceChargeType: instance.chargeType,
    RestrictState: "NORMAL",
    Placement: { Zone: instance.zone, ProjectId: 0 },
    ImageId: instance.image.id,
    SystemDisk: { DiskType: "CLOUD_BSSD", DiskSize: instance.diskGib },
    VirtualPrivateCloud: { VpcId: instance.vpcId, SubnetId: instance.subnetId, AsVpcGateway: false },
    // They come with the network, after a moment.
    PrivateIpAddresses: isUp ? [instance.privateAddress] : [],
    PublicIpAddresses: isUp && instance.publicAddress !== undefined ? [instance.publicAddress] : null,
    SecurityGroupIds: instance.securityGroupIds,
    LoginSettings: { KeyIds: instance.keyIds },
    CreatedTime: isoSeconds(instance.createdMs),
    Tags: instance.tags,
    LatestOperation: "RunInstances",
    LatestOperationState: isFailed ? "FAILED" : isStarted ? "SUCCESS" : "OPERATING",
    LatestOperationErrorMsg: instance.failure ?? null,
  };
}
