import { type Action, type Input, isMatch, objectOf, objectsOf, ServiceError, textOf } from "./action.ts";
import { imageOf } from "./image-actions.ts";
import type { StockItem } from "./stock.ts";
import type { TencentWorld } from "./world.ts";

const chargeTypes = ["POSTPAID_BY_HOUR", "SPOTPAID"];

export const offerActions: Readonly<Record<string, Action>> = {
  DescribeRegions: {
    run: (_, { regions }) => ({
      RegionSet: regions.map((Region) => ({ Region, RegionName: Region, RegionState: "AVAILABLE" })),
      TotalCount: regions.length,
    }),
  },

  DescribeZoneInstanceConfigInfos: {
    optional: ["Filters"],
    run(input, world, region) {
      const filters = objectsOf(input, "Filters");
      const rows = (world.stock.get(region) ?? []).flatMap((item) => chargeTypes.map((type) => ({ item, type })));
      const found = rows.filter(({ item, type }) =>
        isMatch(
          filters,
          {
            zone: [item.zone],
            "instance-charge-type": [type],
            "instance-type": [item.instanceType],
            "instance-family": [item.family],
          },
          [],
        ),
      );
      return { InstanceTypeQuotaSet: found.map(({ item, type }) => described(item, type)) };
    },
  },

  InquiryPriceRunInstances: {
    required: ["Placement", "ImageId"],
    optional: [
      "InstanceChargeType",
      "InstanceType",
      "SystemDisk",
      "InternetAccessible",
      "InstanceCount",
      "InstanceName",
      "InstanceMarketOptions",
    ],
    run(input, world, region) {
      imageOf(world, region, textOf(input, "ImageId"));
      const { item, price } = wantedItem(input, world, region);
      if (!item.isThere) throw soldOut(item);
      const diskGib = Number(objectOf(input, "SystemDisk")["DiskSize"] ?? 50);
      // The disk is billed on its own, by the hour and GiB.
      const all = Math.round((price + diskGib * 0.0005) * 10_000) / 10_000;
      const traffic = { UnitPrice: 0.8, UnitPriceDiscount: 0.8, ChargeUnit: "GB", Discount: 100 };
      return { Price: { InstancePrice: hourly(all), BandwidthPrice: traffic } };
    },
  },
};

/** What a request for an instance asks for. Errors: there is no such thing, or not for what it bids. */
export function wantedItem(input: Input, world: TencentWorld, region: string) {
  const zone = textOf(objectOf(input, "Placement"), "Zone");
  const chargeType = String(input["InstanceChargeType"] ?? "POSTPAID_BY_HOUR");
  const stock = world.stock.get(region) ?? [];
  if (!stock.some((item) => item.zone === zone))
    throw new ServiceError("InvalidZone.MismatchRegion", `The zone \`${zone}\` is not in the region \`${region}\`.`);
  if (!chargeTypes.includes(chargeType))
    throw new ServiceError("InvalidParameterValue", `The InstanceChargeType \`${chargeType}\` is not rehearsed.`);
  const type = textOf(input, "InstanceType");
  const item = stock.find((item) => item.zone === zone && item.instanceType === type);
  if (item === undefined)
    throw new ServiceError("InvalidParameterValue.InstanceTypeNotFound", `The instance type \`${type}\` is not found.`);
  const price = chargeType === "SPOTPAID" ? item.spotPrice : item.price;
  const bid = objectOf(objectOf(input, "InstanceMarketOptions"), "SpotOptions")["MaxPrice"];
  if (chargeType === "SPOTPAID" && bid !== undefined && Number(bid) < price)
    throw new ServiceError("InvalidParameterValue.InsufficientPrice", "The bid is lower than the current price.");
  return { item, price, zone, chargeType };
}

export function soldOut({ instanceType, zone }: StockItem): ServiceError {
  return new ServiceError(
    "ResourcesSoldOut.SpecifiedInstanceType",
    `The instance type \`${instanceType}\` is sold out in \`${zone}\`.`,
  );
}

function described(item: StockItem, chargeType: string): Input {
  return {
    Zone: item.zone,
    InstanceType: item.instanceType,
    InstanceChargeType: chargeType,
    InstanceFamily: item.family,
    CpuType: item.cpuType,
    Cpu: item.cpus,
    Memory: item.memoryGib,
    Gpu: item.gpus,
    GpuCount: item.gpus,
    Fpga: 0,
    Status: item.isListed ? "SELL" : "SOLD_OUT",
    StatusCategory: item.isListed ? "EnoughStock" : "WithoutStock",
    Price: hourly(chargeType === "SPOTPAID" ? item.spotPrice : item.price),
  };
}

function hourly(price: number) {
  return { UnitPrice: price, UnitPriceDiscount: price, ChargeUnit: "HOUR", Discount: 100 };
}
