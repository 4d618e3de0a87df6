import type { Cloud, CloudCapabilities, InstanceService } from "../cloud.ts";
import type { Connection } from "../connection.ts";
import type { Credentials } from "../credentials.ts";
import { makeApi } from "./api.ts";
import { checkTencent } from "./check.ts";
import { tencentImages } from "./images.ts";
import { findInstances } from "./instance-search.ts";
import { launchInstance, leastEndMs } from "./launch.ts";
import { tencentOffers } from "./offers.ts";
import { removeResource } from "./removal.ts";
import { listResources } from "./resources.ts";
import type { Settings } from "./settings.ts";
import { mostUserDataBytes } from "./user-data.ts";

const tencentCapabilities: CloudCapabilities = {
  formats: ["qcow2", "raw", "vhd", "vmdk"],
  // `DescribeInstanceVncUrl`, a window for people, is all there is.
  console: "none",
  screenshot: false,
  importReasons: false,
  families: true,
  unsignedPayload: true,
  userDataBytes: mostUserDataBytes,
  leastEndMs,
};

export interface TencentOptions {
  readonly credentials: Credentials;
  readonly connection: Connection;
  readonly region: string;
  /** With the APPID: `images-1250000000`. */
  readonly bucket: string;
  /** What the image is going to be called: `check` then says whether the name is free. */
  readonly imageName?: string | undefined;
}

/** Tencent Cloud: CVM and VPC 2017-03-12, STS 2018-08-13, CAM 2019-01-16, Tag 2018-08-13 (documents 213/15688, 215/15755). */
export function tencentCloud({ credentials, connection, region, bucket, imageName }: TencentOptions): Cloud {
  const settings: Settings = { api: makeApi(credentials, connection, region), connection, region, bucket };
  return {
    name: "tencent",
    capabilities: tencentCapabilities,
    check: (context) => checkTencent(settings, imageName, context),
    images: tencentImages(settings),
    instances: tencentInstances(settings),
  };
}

function tencentInstances(settings: Settings): InstanceService {
  return {
    offers: (request, context) => tencentOffers(settings, request, context),
    launch: (request, offer, made, context) => launchInstance(settings, request, offer, made, context),
    find: (wanted, context) => findInstances(settings, wanted, context),
    evidence: async () => ({}),
    resources: (wanted, context) => listResources(settings, wanted, context),
    remove: (resource, context) => removeResource(settings, resource, context),
  };
}
