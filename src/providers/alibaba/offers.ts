import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { InstanceRequest, Offer } from "../cloud.ts";
import { bestFirst, checkNames, hasNames, isNamed } from "../named-types.ts";
import type { Answer, EcsApi } from "./api.ts";
import { diskFields, networkFields, spotFields } from "./run-fields.ts";

type InstanceType = NonNullable<NonNullable<Answer<"DescribeInstanceTypes">["instanceTypes"]>["instanceType"]>[number];

/** Each price is a call of its own: only the smallest kinds that fit are asked for. */
const mostTypes = 8;
const mostZonesPerType = 3;

/**
 * `DescribeInstanceTypes` says what fits, `DescribeAvailableResource` what is in stock, `DescribePrice` what it costs.
 *
 * Errors: `cloud/not-found` of a type that is named
 */
export async function findOffers(api: EcsApi, request: InstanceRequest, context: Context): Promise<Offer[]> {
  if (request.architecture === "riscv64") return [];
  const [types, stock] = await Promise.all([fittingTypes(api, request, context), inStock(api, request, context)]);
  const candidates = types
    .filter(({ instanceTypeId = "" }) => stock.has(instanceTypeId))
    .slice(0, mostTypes)
    .flatMap(({ instanceTypeId = "" }) =>
      (stock.get(instanceTypeId) ?? [])
        .slice(0, mostZonesPerType)
        .map((zone) => ({ instanceType: instanceTypeId, zone, isSpot: request.isSpot })),
    );
  const offers: Offer[] = [];
  for (const candidate of candidates) {
    const price = await priceOf(api, request, candidate, context);
    if (price !== "none") offers.push({ ...candidate, price });
  }
  const costOf = ({ price }: Offer) => price?.perHour ?? Number.POSITIVE_INFINITY;
  return bestFirst(
    request,
    offers.sort((a, b) => (costOf(a) === costOf(b) ? 0 : costOf(a) - costOf(b))),
  );
}

/** Those that are named, in their order; else the smallest first. Kinds with graphics or local disks cost more and help nobody here. */
async function fittingTypes(api: EcsApi, request: InstanceRequest, context: Context): Promise<InstanceType[]> {
  const what = `look for machines in ${api.region}`;
  const found: InstanceType[] = [];
  let nextToken: string | undefined;
  do {
    const size = {
      minimumCpuCoreCount: request.cpus,
      maximumCpuCoreCount: Math.max(4, request.cpus * 2),
      minimumMemorySize: request.memoryBytes / 1024 ** 3,
    };
    const fields = {
      cpuArchitecture: request.architecture === "arm64" ? "ARM" : "X86",
      ...(!hasNames(request) && size),
      maxResults: 100,
      nextToken,
    };
    const answer = await api.call("DescribeInstanceTypes", fields, what, context);
    found.push(...(answer.instanceTypes?.instanceType ?? []));
    nextToken = answer.nextToken || undefined;
  } while (nextToken !== undefined);
  if (hasNames(request)) {
    checkNames(
      request,
      found.map(({ instanceTypeId = "" }) => instanceTypeId),
      api.region,
    );
    return found.filter(({ instanceTypeId = "" }) => isNamed(request, instanceTypeId));
  }
  const hasNvme = await imageHasNvme(api, request.imageId, context);
  const bootMode = request.firmware === "uefi" ? "UEFI" : "BIOS";
  return found
    .filter(({ GPUAmount = 0, localStorageCategory = "" }) => GPUAmount === 0 && localStorageCategory === "")
    .filter(({ nvmeSupport }) => hasNvme || nvmeSupport !== "required")
    .filter(({ supportedBootModes }) => {
      const modes = supportedBootModes?.supportedBootMode ?? [];
      return modes.length === 0 || modes.includes(bootMode);
    })
    .sort(
      (a, b) =>
        (a.cpuCoreCount ?? 0) - (b.cpuCoreCount ?? 0) ||
        (a.memorySize ?? 0) - (b.memorySize ?? 0) ||
        (a.instanceTypeId ?? "").localeCompare(b.instanceTypeId ?? "", "en"),
    );
}

async function imageHasNvme(api: EcsApi, imageId: string, context: Context): Promise<boolean> {
  const fields = { regionId: api.region, imageId, status: "Available,Deprecated" };
  const answer = await api.call("DescribeImages", fields, `look at image ${imageId}`, context);
  return answer.images?.image?.[0]?.features?.nvmeSupport === "supported";
}

interface Availability {
  readonly status?: string | undefined;
  readonly statusCategory?: string | undefined;
}

/** Kind of machine → zones that have it now. */
async function inStock(api: EcsApi, request: InstanceRequest, context: Context): Promise<Map<string, string[]>> {
  const fields = {
    regionId: api.region,
    destinationResource: "InstanceType",
    instanceChargeType: "PostPaid",
    ioOptimized: "optimized",
    networkCategory: "vpc",
    systemDiskCategory: diskFields(request).category,
    spotStrategy: spotFields(request.isSpot).spotStrategy,
  };
  const what = `look what is in stock in ${api.region}`;
  const answer = await api.call("DescribeAvailableResource", fields, what, context);
  const zonesOf = new Map<string, string[]>();
  const isThere = ({ status, statusCategory }: Availability) =>
    status === "Available" && !/Without/.test(statusCategory ?? "");
  for (const zone of (answer.availableZones?.availableZone ?? []).filter(isThere)) {
    const resources = zone.availableResources?.availableResource ?? [];
    for (const resource of resources.flatMap((one) => one.supportedResources?.supportedResource ?? [])) {
      const { value = "" } = resource;
      if (isThere(resource)) zonesOf.set(value, [...(zonesOf.get(value) ?? []), zone.zoneId ?? ""]);
    }
  }
  return zonesOf;
}

/** By the hour, with its disk and its bandwidth. `none`: it is not for sale so; undefined: it is not told what it costs. */
async function priceOf(
  api: EcsApi,
  request: InstanceRequest,
  { instanceType, zone, isSpot }: Offer,
  context: Context,
): Promise<Offer["price"] | "none"> {
  const { size, category } = diskFields(request);
  const fields = {
    regionId: api.region,
    resourceType: "instance",
    instanceType,
    zoneId: zone,
    systemDisk: { category, size: Number(size) },
    priceUnit: "Hour",
    ...networkFields,
    ...spotFields(isSpot),
  };
  try {
    const answer = await api.call("DescribePrice", fields, `look what ${instanceType} costs`, context);
    const { tradePrice, currency = "" } = answer.priceInfo?.price ?? {};
    return tradePrice === undefined ? undefined : { perHour: tradePrice, currency };
  } catch (error) {
    if (error instanceof CloudimgError && error.code === "cloud/sold-out") return "none";
    if (error instanceof CloudimgError && error.code === "cloud/refused") return undefined;
    throw error;
  }
}
