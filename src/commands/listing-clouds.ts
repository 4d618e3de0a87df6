import type { Context } from "../core/context.ts";
import type { ImageState, InstanceState } from "../providers/cloud.ts";
import { persist } from "../providers/poll.ts";
import type { CloudOptions } from "./cloud-options.ts";
import { type CloudAccess, openCloud } from "./cloud-session.ts";

export interface ListOptions extends CloudOptions {
  /** Also what cloudimg has not made. */
  readonly all?: boolean;
}

export type ListedImage = ImageState & { readonly run: string | undefined };
export type ListedInstance = InstanceState & { readonly run: string | undefined; readonly region: string };

/** The images of the account in a region, oldest first. */
export async function listCloudImages(
  options: ListOptions,
  context: Context,
  access?: CloudAccess,
): Promise<ListedImage[]> {
  const { cloud, connection: clock, region } = await openCloud(options.provider, options, context, access);
  const what = `list the images in ${region}`;
  const found = await persist({ clock, signal: context.signal, what, timeoutMs: 60_000 }, () =>
    cloud.images.find({ region }, context),
  );
  return ours(found, options).toSorted(byAge);
}

/** The instances of the account in a region, oldest first. */
export async function listCloudInstances(
  options: ListOptions,
  context: Context,
  access?: CloudAccess,
): Promise<ListedInstance[]> {
  const { cloud, connection: clock, region } = await openCloud(options.provider, options, context, access);
  const what = `list the instances in ${region}`;
  const found = await persist({ clock, signal: context.signal, what, timeoutMs: 60_000 }, () =>
    cloud.instances.find({}, context),
  );
  return ours(found, options)
    .filter(({ state }) => state !== "gone")
    .map((instance) => ({ ...instance, region }))
    .toSorted(byAge);
}

function ours<T extends Pick<ImageState, "tags">>(
  found: readonly T[],
  { all }: ListOptions,
): (T & { readonly run: string | undefined })[] {
  return found
    .map((one) => ({ ...one, run: one.tags["cloudimg:run"] }))
    .filter(({ run }) => all === true || run !== undefined);
}

function byAge(a: { readonly createdAt?: string | undefined }, b: typeof a): number {
  return Date.parse(a.createdAt ?? "") - Date.parse(b.createdAt ?? "") || 0;
}
