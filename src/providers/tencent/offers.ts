import type { InstanceTypeQuotaItem } from "tencentcloud-sdk-nodejs/tencentcloud/services/cvm/v20170312/cvm_models.js";
import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { InstanceRequest, Offer } from "../cloud.ts";
import { bestFirst, checkNames, hasNames, isNamed } from "../named-types.ts";
import { instanceBody } from "./instance-body.ts";
import { vendorArchitecture } from "./operating-system.ts";
import type { Settings } from "./settings.ts";

const gibibyte = 1024 ** 3;

/** So many are asked for with disk and traffic: a question each, and few more will be tried. */
const quotedOffers = 4;

/**
 * `DescribeZoneInstanceConfigInfos`: what each zone sells now. The prices of the first are those of the whole instance.
 *
 * Errors: `image/unsupported`; `cloud/not-found` of a type that is named
 */
export async function tencentOffers(settings: Settings, request: InstanceRequest, context: Context): Promise<Offer[]> {
  vendorArchitecture(request.architecture);
  const { api, region } = settings;
  const chargeType = request.isSpot ? "SPOTPAID" : "POSTPAID_BY_HOUR";
  const filters = [{ Name: "instance-charge-type", Values: [chargeType] }];
  const options = { what: `list the instance types of ${region}`, context };
  const { InstanceTypeQuotaSet = [] } = await api(
    "cvm",
    "DescribeZoneInstanceConfigInfos",
    { Filters: filters },
    options,
  );
  const known = InstanceTypeQuotaSet.filter((item) => isArm(item) === (request.architecture === "arm64"));
  checkNames(
    request,
    known.map(({ InstanceType = "" }) => InstanceType),
    region,
  );
  const cheapest = known
    .filter((item) => isForSale(item) && fits(item, request))
    .map((item) => ({
      instanceType: item.InstanceType ?? "",
      zone: item.Zone ?? "",
      isSpot: request.isSpot,
      price: priceOf(item.Price),
    }))
    .sort(byPrice);
  const listed = bestFirst(request, cheapest);
  const quotes = await Promise.all(
    listed.slice(0, quotedOffers).map((offer) => quote(settings, request, offer, context)),
  );
  const quoted = quotes.filter((offer) => offer !== undefined).sort(byPrice);
  return bestFirst(request, [...quoted, ...listed.slice(quotedOffers)]);
}

function isForSale({ Status, StatusCategory }: InstanceTypeQuotaItem): boolean {
  return Status === "SELL" && StatusCategory !== "WithoutStock";
}

/** What is named; else plain virtual machines: none with graphics cards or programmable chips, no bare metal. */
function fits(item: InstanceTypeQuotaItem, request: InstanceRequest): boolean {
  const { InstanceType = "", Cpu = 0, Memory = 0, Gpu, GpuCount, Fpga, InstanceFamily = "" } = item;
  if (hasNames(request)) return isNamed(request, InstanceType);
  if ((Gpu ?? 0) > 0 || (GpuCount ?? 0) > 0 || (Fpga ?? 0) > 0 || InstanceFamily.startsWith("BM")) return false;
  return Cpu >= request.cpus && Memory * gibibyte >= request.memoryBytes;
}

/** No field says it: the standard families on ARM are called SR, and their processors by name. */
function isArm({ InstanceFamily = "", CpuType = "" }: InstanceTypeQuotaItem): boolean {
  return /^SR\d/.test(InstanceFamily) || /ampere|altra|kunpeng|\barm\b/i.test(CpuType);
}

/** With disk; traffic is paid by what flows. Undefined if it is sold out by now; without an answer the listed price stands. */
async function quote({ api }: Settings, request: InstanceRequest, offer: Offer, context: Context) {
  const what = `ask for the price of ${offer.instanceType} in ${offer.zone}`;
  try {
    const { Price } = await api("cvm", "InquiryPriceRunInstances", instanceBody(request, offer), { what, context });
    return { ...offer, price: priceOf(Price?.InstancePrice) ?? offer.price };
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    return error.code === "cloud/sold-out" ? undefined : offer;
  }
}

interface VendorPrice {
  readonly UnitPrice?: number | null;
  readonly UnitPriceDiscount?: number | null;
  readonly ChargeUnit?: string | null;
}

/** By the document in yuan; no field names the currency. */
function priceOf(price: VendorPrice | undefined | null): Offer["price"] {
  const perHour = price?.UnitPriceDiscount ?? price?.UnitPrice;
  const isHourly = price?.ChargeUnit === undefined || price.ChargeUnit === null || price.ChargeUnit === "HOUR";
  return perHour === undefined || perHour === null || !isHourly ? undefined : { perHour, currency: "CNY" };
}

function byPrice(a: Offer, b: Offer): number {
  const perHour = ({ price }: Offer) => price?.perHour ?? Number.POSITIVE_INFINITY;
  return Math.sign(perHour(a) - perHour(b)) || a.instanceType.localeCompare(b.instanceType, "en");
}
