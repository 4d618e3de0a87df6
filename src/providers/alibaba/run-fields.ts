import type { InstanceRequest, Offer } from "../cloud.ts";
import type { Fields } from "./api.ts";
import { clientToken, gibibytes, toTags, wholeMinute } from "./values.ts";

/** What a price depends on, and what is then ordered, must be the same: both are made here. */
export const networkFields = { internetChargeType: "PayByTraffic", internetMaxBandwidthOut: 5 } as const;

/** No disk is smaller than 20 GiB. All newer machines take this category. */
export function diskFields({ diskSizeBytes }: Pick<InstanceRequest, "diskSizeBytes">) {
  return { category: "cloud_essd", size: String(Math.max(20, gibibytes(diskSizeBytes))) };
}

export function spotFields(isSpot: boolean) {
  return isSpot
    ? { spotStrategy: "SpotAsPriceGo", spotDuration: 0 }
    : { spotStrategy: "NoSpot", spotDuration: undefined };
}

export interface Surroundings {
  readonly vSwitchId: string;
  readonly securityGroupId: string;
  readonly keyPairName: string;
}

export function runFields(
  request: InstanceRequest,
  offer: Offer,
  region: string,
  surroundings: Surroundings,
): Fields<"RunInstances"> {
  const { name, imageId, userData, tags, token } = request;
  return {
    regionId: region,
    zoneId: offer.zone,
    imageId,
    instanceType: offer.instanceType,
    instanceName: name,
    amount: 1,
    ...surroundings,
    ...networkFields,
    systemDisk: diskFields(request),
    instanceChargeType: "PostPaid",
    ...spotFields(offer.isSpot),
    spotInterruptionBehavior: offer.isSpot ? "Terminate" : undefined,
    userData: userData === undefined ? undefined : Buffer.from(userData).toString("base64"),
    // The dead-man's switch.
    autoReleaseTime: wholeMinute(request.endsAtMs),
    tag: toTags(tags),
    // With what may change between tries: the same token for another order would be refused.
    clientToken: clientToken("run", token, offer.instanceType, offer.zone, String(offer.isSpot)),
  };
}
