import { fail } from "../core/errors.ts";
import { didYouMean } from "../core/near-names.ts";
import type { InstanceRequest, Offer } from "./cloud.ts";

/** Whether a kind of machine may be taken: one that is named may, however small or large it is. */
export function isNamed({ instanceTypes = [] }: Pick<InstanceRequest, "instanceTypes">, instanceType: string): boolean {
  return instanceTypes.includes(instanceType);
}

export function hasNames({ instanceTypes = [] }: Pick<InstanceRequest, "instanceTypes">): boolean {
  return instanceTypes.length > 0;
}

/**
 * @param known all kinds that the region sells for the image's architecture, sold out ones too
 *
 * Errors: `cloud/not-found`, with the names that are near
 */
export function checkNames(
  { instanceTypes = [], architecture, isSpot }: Pick<InstanceRequest, "instanceTypes" | "architecture" | "isSpot">,
  known: Iterable<string>,
  region: string,
): void {
  const all = new Set(known);
  const [unknown] = instanceTypes.filter((name) => !all.has(name));
  if (unknown === undefined) return;
  const kind = `machine for ${architecture}${isSpot ? " as a spot instance" : ""}`;
  fail("cloud/not-found", `cannot launch an instance of ${unknown}: ${region} has no such ${kind}`, {
    hint: didYouMean(unknown, all) ?? "correct it, or leave it out: then the cheapest that fits is taken",
  });
}

/** In the order of the names; those of one name stay as they are. Without names: as they are. */
export function bestFirst(request: Pick<InstanceRequest, "instanceTypes">, offers: readonly Offer[]): Offer[] {
  const { instanceTypes = [] } = request;
  if (instanceTypes.length === 0) return [...offers];
  return instanceTypes.flatMap((name) => offers.filter(({ instanceType }) => instanceType === name));
}
