import type { Instance } from "tencentcloud-sdk-nodejs/tencentcloud/services/cvm/v20170312/cvm_models.js";
import type { Context } from "../../core/context.ts";
import type { InstanceState } from "../cloud.ts";
import { allPages } from "./pages.ts";
import type { Settings } from "./settings.ts";
import { fromVendorTags, hasTags, tagFilters } from "./tags.ts";

export interface InstanceQuery {
  readonly id?: string;
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Has this tag, whatever its value. */
  readonly tagKey?: string;
  readonly region?: string;
}

export async function findInstances(
  settings: Settings,
  query: InstanceQuery,
  context: Context,
): Promise<InstanceState[]> {
  return (await listInstances(settings, query, context)).map(instanceState);
}

/** `DescribeInstances` takes ids or filters, never both. An id that is gone is left out of the answer. */
export async function listInstances(
  { api, region: ownRegion }: Settings,
  { id, name, tags = {}, tagKey, region = ownRegion }: InstanceQuery,
  context: Context,
): Promise<Instance[]> {
  const filters = [
    ...(name === undefined ? [] : [{ Name: "instance-name", Values: [name] }]),
    ...(tagKey === undefined ? [] : [{ Name: "tag-key", Values: [tagKey] }]),
    ...tagFilters(tags),
  ];
  const chosen = id === undefined ? { Filters: filters } : { InstanceIds: [id] };
  const options = { what: `list the instances of ${region}`, context, region };
  const instances = await allPages(async (Offset, Limit) => {
    return (await api("cvm", "DescribeInstances", { ...chosen, Offset, Limit }, options)).InstanceSet;
  });
  return instances.filter(
    ({ InstanceName, Tags }) => (name === undefined || InstanceName === name) && hasTags(fromVendorTags(Tags), tags),
  );
}

/** Whatever is not named here goes from one of these to the next. */
const states: Readonly<Record<string, InstanceState["state"]>> = {
  RUNNING: "running",
  STOPPING: "stopped",
  STOPPED: "stopped",
  SHUTDOWN: "stopped",
  LAUNCH_FAILED: "failed",
  TERMINATING: "gone",
};

function instanceState(instance: Instance): InstanceState {
  const { InstanceId = "", InstanceState = "", LatestOperationErrorMsg } = instance;
  const state = states[InstanceState] ?? "pending";
  return {
    id: InstanceId,
    state,
    reason: state === "failed" ? LatestOperationErrorMsg || InstanceState : undefined,
    publicAddresses: instance.PublicIpAddresses ?? [],
    privateAddresses: instance.PrivateIpAddresses ?? [],
    tags: fromVendorTags(instance.Tags),
    name: instance.InstanceName,
    createdAt: instance.CreatedTime,
  };
}
