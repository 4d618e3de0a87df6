import type { InstanceRequest, Offer } from "../cloud.ts";

const gibibyte = 1024 ** 3;

/** System disks are at least this large. */
const leastDiskGib = 20;

/** What both `RunInstances` and `InquiryPriceRunInstances` want to know. The type of disk is left to Tencent: not every machine takes every type. */
export function instanceBody(request: InstanceRequest, { zone, instanceType, isSpot }: Offer) {
  return {
    // Without InstanceMarketOptions a spot instance bids the current price.
    InstanceChargeType: isSpot ? "SPOTPAID" : "POSTPAID_BY_HOUR",
    Placement: { Zone: zone },
    InstanceType: instanceType,
    ImageId: request.imageId,
    SystemDisk: { DiskSize: Math.max(leastDiskGib, Math.ceil(request.diskSizeBytes / gibibyte)) },
    InternetAccessible: {
      InternetChargeType: "TRAFFIC_POSTPAID_BY_HOUR",
      InternetMaxBandwidthOut: 5,
      PublicIpAssigned: true,
    },
    InstanceCount: 1,
    InstanceName: request.name,
  };
}
