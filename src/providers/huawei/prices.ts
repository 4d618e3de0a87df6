import { z } from "zod";
import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { InstanceRequest, Offer } from "../cloud.ts";
import type { HuaweiClient } from "./client.ts";

/** So many flavors are asked for: few more will be tried. */
const quotedFlavors = 8;
const diskId = "disk";
const leastDiskGib = 10;
const gib = 1024 ** 3;

/** Of BSS's measures: yuan; hours; gigabytes. */
const measures = { yuan: 1, hour: 4, gigabyte: 17 } as const;

/** Of the answer, what is used. */
const ratings = z.object({
  currency: z.string().default("CNY"),
  product_rating_results: z.array(z.object({ id: z.string(), amount: z.number(), measure_id: z.number() })),
});

/**
 * BSS v2, `POST /v2/bills/ratings/on-demand-resources`: an hour of each flavor and of its disk, in one question; traffic is paid by what flows. The permission to ask is one of
 * its own, other billing centres have other hosts, and spot instances have no list price: without an answer that is understood there is no price, and the work goes on.
 */
export async function withPrices(
  client: HuaweiClient,
  request: Pick<InstanceRequest, "diskSizeBytes" | "isSpot">,
  offers: readonly Offer[],
  context: Context,
): Promise<Offer[]> {
  const flavors = [...new Set(offers.map(({ instanceType }) => instanceType))].slice(0, quotedFlavors);
  if (request.isSpot || flavors.length === 0) return [...offers];
  try {
    const call = {
      what: "ask for prices",
      body: await question(client, request, flavors, context),
      isRepeatable: true,
      isOptional: true,
    };
    const answer = await client.call<unknown>("bss.ListOnDemandResourceRatings", call, context);
    const prices = pricesOf(answer);
    return offers.map((offer) => ({ ...offer, ...prices.get(offer.instanceType) }));
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof CloudimgError)) throw error;
    context.emit({ type: "log", level: "debug", message: error.message });
    return [...offers];
  }
}

async function question(
  client: HuaweiClient,
  { diskSizeBytes }: Pick<InstanceRequest, "diskSizeBytes">,
  flavors: readonly string[],
  context: Context,
): Promise<object> {
  const common = {
    region: client.region,
    usage_factor: "Duration",
    usage_value: 1,
    usage_measure_id: measures.hour,
    subscription_num: 1,
  };
  const machines = flavors.map((id) => ({
    id,
    cloud_service_type: "hws.service.type.ec2",
    resource_type: "hws.resource.type.vm",
    resource_spec: `${id}.linux`,
    ...common,
  }));
  const disk = {
    id: diskId,
    cloud_service_type: "hws.service.type.ebs",
    resource_type: "hws.resource.type.volume",
    resource_spec: "GPSSD",
    resource_size: Math.max(leastDiskGib, Math.ceil(diskSizeBytes / gib)),
    size_measure_id: measures.gigabyte,
    ...common,
  };
  return { project_id: await client.projectId(context), inquiry_precision: 1, product_infos: [...machines, disk] };
}

/** Empty, if it is another answer than expected. */
function pricesOf(answer: unknown): Map<string, { price: NonNullable<Offer["price"]> }> {
  const { success, data } = ratings.safeParse(answer);
  if (!success) return new Map();
  const amounts = new Map(
    data.product_rating_results
      .filter(({ measure_id }) => measure_id === measures.yuan)
      .map(({ id, amount }) => [id, amount] as const),
  );
  const disk = amounts.get(diskId);
  if (disk === undefined) return new Map();
  amounts.delete(diskId);
  const { currency } = data;
  const rounded = (amount: number) => Math.round((amount + disk) * 1e6) / 1e6;
  return new Map([...amounts].map(([id, amount]) => [id, { price: { perHour: rounded(amount), currency } }]));
}
