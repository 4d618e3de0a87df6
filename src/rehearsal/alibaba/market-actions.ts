import { deny } from "./api-error.ts";
import { type MachineKind, machineKinds, round } from "./catalogue.ts";
import { nextPage, type Parameters } from "./parameters.ts";
import type { EcsState } from "./state.ts";

export function describeRegions(state: EcsState) {
  const Region = Object.keys(state.regions).map((RegionId) => ({
    RegionId,
    RegionEndpoint: `ecs.${RegionId}.aliyuncs.com`,
    LocalName: RegionId,
    Status: "available",
  }));
  return { Regions: { Region } };
}

export function describeInstanceTypes(_state: EcsState, parameters: Parameters) {
  const [leastCpus = 0, mostCpus = 1000] = ["MinimumCpuCoreCount", "MaximumCpuCoreCount"].map((name) =>
    parameters.number(name),
  );
  const leastMemory = parameters.number("MinimumMemorySize") ?? 0;
  const architecture = parameters.get("CpuArchitecture");
  const kinds = machineKinds
    .filter(({ cpus, memoryGib }) => cpus >= leastCpus && cpus <= mostCpus && memoryGib >= leastMemory)
    .filter((kind) => architecture === undefined || kind.architecture === architecture);
  const { items, fields } = nextPage(parameters, kinds);
  const InstanceType = items.map((kind) => ({
    InstanceTypeId: kind.type,
    InstanceTypeFamily: kind.family,
    CpuCoreCount: kind.cpus,
    MemorySize: kind.memoryGib,
    CpuArchitecture: kind.architecture,
    NvmeSupport: kind.nvme,
    SupportedBootModes: { SupportedBootMode: kind.bootModes },
    GPUAmount: 0,
    LocalStorageCategory: "",
  }));
  return { InstanceTypes: { InstanceType }, ...fields };
}

/** All kinds in all zones, what is sold out as well. */
export function describeAvailableResource(state: EcsState, parameters: Parameters) {
  const region = parameters.must("RegionId");
  if (parameters.must("DestinationResource") !== "InstanceType") {
    deny(404, "Invalid.DestinationResource", "The rehearsal knows of InstanceType only.");
  }
  const AvailableZone = (state.regions[region] ?? []).map((zone) => {
    const SupportedResource = machineKinds.map(({ type }) => {
      const isThere = state.stock.left(type, zone) > 0;
      return {
        Value: type,
        Status: isThere ? "Available" : "SoldOut",
        StatusCategory: isThere ? "WithStock" : "WithoutStock",
      };
    });
    return {
      RegionId: region,
      ZoneId: zone,
      Status: "Available",
      StatusCategory: "WithStock",
      AvailableResources: { AvailableResource: [{ Type: "InstanceType", SupportedResources: { SupportedResource } }] },
    };
  });
  return { AvailableZones: { AvailableZone } };
}

const diskPricePerGib = 0.0021;

export function describePrice(state: EcsState, parameters: Parameters) {
  if (parameters.get("ResourceType") !== "instance") {
    deny(400, "InvalidResourceType.ValueNotSupported", "The rehearsal knows what instances cost only.");
  }
  const kind = mustKind(parameters.get("InstanceType"));
  const part = /^Spot/.test(parameters.get("SpotStrategy") ?? "") ? state.stock.spotPart : 1;
  const disk = (parameters.number("SystemDisk.Size") ?? 20) * diskPricePerGib;
  const price = {
    Currency: "CNY",
    OriginalPrice: round(kind.price + disk),
    DiscountPrice: round(kind.price * (1 - part)),
    TradePrice: round(kind.price * part + disk),
  };
  return { PriceInfo: { Price: price } };
}

/** Errors: `InvalidInstanceType.ValueNotSupported` */
export function mustKind(type: string | undefined): MachineKind {
  return (
    machineKinds.find((kind) => kind.type === type) ??
    deny(400, "InvalidInstanceType.ValueNotSupported", "The specified InstanceType does not exist.")
  );
}
