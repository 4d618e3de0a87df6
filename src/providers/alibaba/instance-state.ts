import type { Context } from "../../core/context.ts";
import type { InstanceState } from "../cloud.ts";
import type { Answer, EcsApi } from "./api.ts";
import { fromTags, toTags } from "./values.ts";

type Instance = NonNullable<NonNullable<Answer<"DescribeInstances">["instances"]>["instance"]>[number];

const states: Readonly<Record<string, InstanceState["state"]>> = {
  Pending: "pending",
  Starting: "pending",
  Running: "running",
  Stopping: "stopped",
  Stopped: "stopped",
};

/** What is not there is not in the answer, which is no error. */
export async function findInstances(
  api: EcsApi,
  wanted: {
    readonly id?: string;
    readonly name?: string;
    readonly tags?: Readonly<Record<string, string>>;
  },
  context: Context,
): Promise<InstanceState[]> {
  const { id, name, tags } = wanted;
  const found: InstanceState[] = [];
  let nextToken: string | undefined;
  do {
    const fields = {
      regionId: api.region,
      // A JSON array in a string.
      instanceIds: id === undefined ? undefined : JSON.stringify([id]),
      instanceName: name,
      tag: tags && toTags(tags),
      maxResults: 100,
      nextToken,
    };
    const answer = await api.call("DescribeInstances", fields, `look for instances in ${api.region}`, context);
    found.push(...(answer.instances?.instance ?? []).map(instanceState));
    nextToken = answer.nextToken || undefined;
  } while (nextToken !== undefined);
  return found;
}

function instanceState(instance: Instance): InstanceState {
  const { instanceId = "", status = "", publicIpAddress, eipAddress, vpcAttributes, operationLocks } = instance;
  const locks = (operationLocks?.lockReason ?? []).map(({ lockReason }) => lockReason);
  return {
    id: instanceId,
    state: states[status] ?? "failed",
    reason: locks.includes("Recycling")
      ? "the cloud takes the spot instance back (Recycling)"
      : locks.length > 0
        ? `the cloud has locked it (${locks.join(", ")})`
        : undefined,
    publicAddresses: [...(publicIpAddress?.ipAddress ?? []), ...(eipAddress?.ipAddress ? [eipAddress.ipAddress] : [])],
    privateAddresses: vpcAttributes?.privateIpAddress?.ipAddress ?? [],
    tags: fromTags(instance.tags),
    name: instance.instanceName,
    createdAt: instance.creationTime,
  };
}
