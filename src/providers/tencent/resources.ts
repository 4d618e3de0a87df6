import type { Context } from "../../core/context.ts";
import type { Resource } from "../cloud.ts";
import { listInstances } from "./instance-search.ts";
import { listKeyPairs, listSecurityGroups } from "./network.ts";
import type { Settings } from "./settings.ts";
import { fromVendorTags, type VendorTag } from "./tags.ts";

const runTag = "cloudimg:run";

/** What runs have made for instances, and instances, by their tag. Only the first of these lists costs money. */
export async function listResources(
  settings: Settings,
  { run }: { readonly run?: string },
  context: Context,
): Promise<Resource[]> {
  const { region } = settings;
  const wanted = run === undefined ? { tagKey: runTag } : { tags: { [runTag]: run } };
  const filters = [
    run === undefined ? { Name: "tag-key", Values: [runTag] } : { Name: `tag:${runTag}`, Values: [run] },
  ];
  const instances = await listInstances(settings, wanted, context);
  const pairs = await listKeyPairs(settings, filters, `list the key pairs of ${region}`, context);
  const groups = await listSecurityGroups(settings, filters, `list the security groups of ${region}`, context);
  const resource = (
    kind: Resource["kind"],
    id: string | undefined,
    name: string | undefined,
    tags: readonly VendorTag[] | null | undefined,
    createdAt: string | null | undefined,
  ): Resource => ({
    kind,
    id: id ?? "",
    region,
    name,
    run: fromVendorTags(tags)[runTag],
    createdAt: createdAt ?? undefined,
  });
  return [
    ...instances.map((one) => resource("instance", one.InstanceId, one.InstanceName, one.Tags, one.CreatedTime)),
    ...pairs.map((one) => resource("key-pair", one.KeyId, one.KeyName, one.Tags, one.CreatedTime)),
    ...groups.map((one) =>
      resource("security-group", one.SecurityGroupId, one.SecurityGroupName, one.TagSet, one.CreatedTime),
    ),
  ].filter((one) => one.run !== undefined && (run === undefined || one.run === run));
}
