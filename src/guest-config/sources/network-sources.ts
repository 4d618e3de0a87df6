import { aliyunMetadata } from "./aliyun-metadata.ts";
import type { Datasource } from "./datasource.ts";
import { ec2 } from "./ec2.ts";
import { nocloudNet } from "./nocloud-net.ts";
import { openstackService } from "./openstack-service.ts";
import { tencentMetadata } from "./tencent-metadata.ts";

/** Those that are reached over the network, in the order in which they are asked: only those of which the machine shows a sign. */
export const networkSources: readonly Datasource[] = [
  nocloudNet,
  tencentMetadata,
  aliyunMetadata,
  ec2,
  openstackService,
];
