import type { Context } from "../../core/context.ts";
import type { Resource } from "../cloud.ts";
import type { EcsApi } from "./api.ts";
import { removeImage, removeSnapshot } from "./image-removal.ts";
import { findInstances } from "./instance-state.ts";
import { markedRun } from "./surroundings.ts";
import { fromTags } from "./values.ts";
import { isGone } from "./vendor-error.ts";

const runTag = "cloudimg:run";
const pageSize = 50;

/** By tags; networks and subnets, which have none, by what their description says. */
export async function findResources(
  api: EcsApi,
  { run }: { readonly run?: string },
  context: Context,
): Promise<Resource[]> {
  const region = api.region;
  const what = (kind: string) => `look for ${kind} that were left in ${region}`;
  // A key without a value is any value.
  const tag = [{ key: runTag, value: run }];
  const found: Resource[] = [];
  const add = (
    kind: Resource["kind"],
    id = "",
    more: { name?: string | undefined; run?: string | undefined; createdAt?: string | undefined },
  ) => {
    if (id !== "" && more.run !== undefined && (run === undefined || more.run === run)) {
      found.push({ kind, id, region, ...more });
    }
  };

  const instanceTags = run === undefined ? undefined : { [runTag]: run };
  for (const { id, name, createdAt, tags } of await findInstances(
    api,
    { ...(instanceTags && { tags: instanceTags }) },
    context,
  )) {
    add("instance", id, { name, createdAt, run: tags[runTag] });
  }
  for await (const group of pages(async (pageNumber) => {
    const fields = { regionId: region, tag, pageNumber, pageSize };
    const answer = await api.call("DescribeSecurityGroups", fields, what("security groups"), context);
    return answer.securityGroups?.securityGroup;
  })) {
    const { securityGroupId, securityGroupName: name, creationTime: createdAt, tags } = group;
    add("security-group", securityGroupId, { name, createdAt, run: fromTags(tags)[runTag] });
  }
  for await (const pair of pages(async (pageNumber) => {
    const fields = { regionId: region, tag, pageNumber, pageSize };
    const answer = await api.call("DescribeKeyPairs", fields, what("key pairs"), context);
    return answer.keyPairs?.keyPair;
  })) {
    const { keyPairName: name, creationTime: createdAt, tags } = pair;
    add("key-pair", name, { name, createdAt, run: fromTags(tags)[runTag] });
  }
  for await (const subnet of pages(async (pageNumber) => {
    const fields = { regionId: region, pageNumber, pageSize };
    return (await api.call("DescribeVSwitches", fields, what("subnets"), context)).vSwitches?.vSwitch;
  })) {
    const { vSwitchId, vSwitchName: name, creationTime: createdAt, description } = subnet;
    add("subnet", vSwitchId, { name, createdAt, run: markedRun(description) });
  }
  for await (const network of pages(async (pageNumber) => {
    const fields = { regionId: region, pageNumber, pageSize };
    return (await api.call("DescribeVpcs", fields, what("networks"), context)).vpcs?.vpc;
  })) {
    const { vpcId, vpcName: name, creationTime: createdAt, description } = network;
    add("network", vpcId, { name, createdAt, run: markedRun(description) });
  }
  return found;
}

async function* pages<T>(page: (number: number) => Promise<readonly T[] | undefined>): AsyncGenerator<T> {
  for (let number = 1; ; number++) {
    const items = (await page(number)) ?? [];
    yield* items;
    if (items.length < pageSize) return;
  }
}

/** A public address goes with its instance. Errors: `cloud/busy` while others still use it. */
export async function removeResource(api: EcsApi, resource: Resource, context: Context): Promise<void> {
  const { kind, id, region: regionId } = resource;
  const what = `remove ${kind.replace("-", " ")} ${id}`;
  try {
    switch (kind) {
      case "instance":
        // Force: it need not be stopped first.
        await api.call("DeleteInstance", { instanceId: id, force: true }, what, context, regionId);
        return;
      case "security-group":
        await api.call("DeleteSecurityGroup", { regionId, securityGroupId: id }, what, context);
        return;
      case "key-pair":
        await api.call("DeleteKeyPairs", { regionId, keyPairNames: JSON.stringify([id]) }, what, context);
        return;
      case "subnet":
        await api.call("DeleteVSwitch", { regionId, vSwitchId: id }, what, context);
        return;
      case "network":
        await api.call("DeleteVpc", { regionId, vpcId: id }, what, context);
        return;
      case "snapshot":
        await removeSnapshot(api, id, regionId, context);
        return;
      case "image":
        await removeImage(api, { id, region: regionId, name: "", state: "available", tags: {}, parts: [] }, context);
        return;
      case "address":
        return;
      case "object":
      case "upload":
        throw new TypeError(`a ${kind} is the object store's to remove`);
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
