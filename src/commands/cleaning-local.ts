import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../core/context.ts";
import { listInstances, terminateInstance } from "../machine/instances.ts";
import { openProvider } from "./providing.ts";

/** A guest has this long to power off by itself. */
const graceMs = 10_000;

/** Instances and images on this machine. */
export interface LocalThings {
  readonly instances: readonly { readonly id: string; readonly state: "running" | "stopped" }[];
  readonly images: readonly { readonly id: string }[];
}

export async function localThings(context: Context): Promise<LocalThings> {
  const provider = await openProvider("local", context);
  return { instances: listInstances(context), images: await provider.listImages(context) };
}

/** Removes what is wanted, and gives its ids. */
export async function cleanLocal(
  { instances, images }: LocalThings,
  wanted: { instance(one: LocalThings["instances"][number]): boolean; image(one: { id: string }): boolean },
  isDryRun: boolean,
  context: Context,
): Promise<string[]> {
  const goingInstances = instances.filter((one) => wanted.instance(one)).map(({ id }) => id);
  const goingImages = images.filter((one) => wanted.image(one)).map(({ id }) => id);
  if (!isDryRun) {
    const provider = await openProvider("local", context);
    for (const id of goingInstances) {
      await terminateInstance(id, graceMs, context);
      await rm(join(context.directories.data, "keys", id), { force: true });
    }
    for (const id of goingImages) await provider.removeImage(id, context);
  }
  return [...goingInstances, ...goingImages];
}
