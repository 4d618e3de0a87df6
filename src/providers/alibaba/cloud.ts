import type { Cloud, CloudCapabilities } from "../cloud.ts";
import type { Connection } from "../connection.ts";
import type { Credentials } from "../credentials.ts";
import { httpAgent } from "../direct-connection.ts";
import { ecsApi } from "./api.ts";
import { type CheckOptions, checkCloud } from "./check.ts";
import { imageService } from "./images.ts";
import { instanceService } from "./instances.ts";

export const alibabaCapabilities: CloudCapabilities = {
  formats: ["qcow2", "vhd", "raw"],
  console: "text",
  screenshot: true,
  importReasons: true,
  families: true,
  unsignedPayload: true,
  userDataBytes: 32 * 1024,
  // `AutoReleaseTime`: at least half an hour ahead, when the request arrives; network, group and key pair are made before.
  leastEndMs: 35 * 60_000,
};

export interface AlibabaOptions extends CheckOptions {
  readonly credentials: Credentials;
  readonly connection: Connection;
  readonly region: string;
}

/** Alibaba Cloud, ECS API 2014-05-26 (https://api.aliyun.com/document/Ecs/2014-05-26/overview). */
export function alibabaCloud(options: AlibabaOptions): Cloud {
  const { credentials, connection, region } = options;
  const api = ecsApi({ credentials, connection, region, agent: httpAgent(connection) });
  return {
    name: "alibaba",
    capabilities: alibabaCapabilities,
    check: (context) => checkCloud(api, options, context),
    images: imageService(api, options),
    instances: instanceService(api),
  };
}
