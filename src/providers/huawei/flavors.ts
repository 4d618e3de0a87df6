import type { Context } from "../../core/context.ts";
import type { InstanceRequest, Offer } from "../cloud.ts";
import { bestFirst, checkNames, hasNames, isNamed } from "../named-types.ts";
import type { HuaweiClient } from "./client.ts";
import { withPrices } from "./prices.ts";

/** `Flavor` of `GET /v1/{project_id}/cloudservers/flavors`, of which this is used. */
interface Flavor {
  readonly id: string;
  /** A number in text. */
  readonly vcpus: string;
  /** MiB */
  readonly ram: number;
  readonly "OS-FLV-DISABLED:disabled"?: boolean;
  readonly os_extra_specs: Readonly<Record<string, string | undefined>>;
}

const MiB = 1024 ** 2;
/** Of a flavor in a zone, or in all zones that say nothing else: `promotion` is on sale, the others are withdrawn, sold out or by invitation. */
const onSale = new Set(["normal", "promotion"]);

/**
 * Those that are named, in their order; else the smallest first, for prices are not always told.
 *
 * Errors: `cloud/not-found` of a flavor that is named
 */
export async function findOffers(client: HuaweiClient, request: InstanceRequest, context: Context): Promise<Offer[]> {
  const call = { what: "list the kinds of machines" };
  const { flavors } = await client.call<{ flavors: Flavor[] }>("ecs.ListFlavors", call, context);
  const known = flavors.filter((flavor) => architectureOf(flavor) === request.architecture);
  checkNames(
    request,
    known.map(({ id }) => id),
    client.region,
  );
  const offers = known
    .filter((flavor) => suits(flavor, request))
    .sort(
      (one, other) => Number(one.vcpus) - Number(other.vcpus) || one.ram - other.ram || (one.id < other.id ? -1 : 1),
    )
    .flatMap((flavor) =>
      zonesOf(flavor, request.isSpot).map((zone) => ({ instanceType: flavor.id, zone, isSpot: request.isSpot })),
    );
  return await withPrices(client, request, bestFirst(request, offers), context);
}

function architectureOf({ os_extra_specs: specs }: Flavor): InstanceRequest["architecture"] {
  return specs["ecs:instance_architecture"]?.startsWith("arm") ? "arm64" : "amd64";
}

function suits(flavor: Flavor, request: Pick<InstanceRequest, "instanceTypes" | "cpus" | "memoryBytes">): boolean {
  const specs = flavor.os_extra_specs;
  if (flavor["OS-FLV-DISABLED:disabled"] === true) return false;
  if (hasNames(request)) return isNamed(request, flavor.id);
  return (
    Number(flavor.vcpus) >= request.cpus &&
    flavor.ram * MiB >= request.memoryBytes &&
    specs["pci_passthrough:enable_gpu"] !== "true" &&
    specs["info:asic_accelerators"] === undefined &&
    // Whole machines, which boot otherwise.
    specs["resource_type"] !== "ironic"
  );
}

/** `cond:operation:az` reads `cn-north-4a(normal),cn-north-4b(sellout)`; `cond:operation:status` is of all zones that it does not name. */
function zonesOf(flavor: Flavor, isSpot: boolean): string[] {
  const specs = flavor.os_extra_specs;
  const prefix = isSpot ? "cond:spot:operation" : "cond:operation";
  const listed = [...(specs["cond:operation:az"] ?? "").matchAll(/([\w-]+)\((\w+)\)/g)].map(
    ([, zone = "", status = ""]) => ({
      zone,
      status,
    }),
  );
  const own = isSpot
    ? [...(specs[`${prefix}:az`] ?? "").matchAll(/([\w-]+)\((\w+)\)/g)].map(([, zone = "", status = ""]) => ({
        zone,
        status,
      }))
    : listed;
  // A flavor that says nothing of spot is not sold that way.
  const all = specs[`${prefix}:status`] ?? (isSpot ? "abandon" : "normal");
  return listed
    .map(({ zone }) => ({ zone, status: own.find((entry) => entry.zone === zone)?.status ?? all }))
    .filter(({ status }) => onSale.has(status))
    .map(({ zone }) => zone);
}
