import type { MetadataCloud } from "./metadata-tree.ts";

/** How a guest recognises its cloud, and where it then asks. */
export interface MetadataMachine {
  /** The service's address; absent if the guest is told an URL. */
  readonly address?: string;
  /** QEMU's `-smbios` that shows the cloud's machine; URL is the service's. */
  readonly smbios: string;
}

/** Signs as the clouds' own machines have them (see sources/detect.ts). */
export const metadataMachines: Readonly<Record<MetadataCloud, MetadataMachine>> = {
  tencent: { address: "169.254.0.23", smbios: "type=1,manufacturer=Tencent Cloud,product=CVM" },
  alibaba: { address: "100.100.100.200", smbios: "type=1,manufacturer=Alibaba Cloud,product=Alibaba Cloud ECS" },
  huawei: { address: "169.254.169.254", smbios: "type=3,manufacturer=Huawei Cloud,asset=HUAWEICLOUD" },
  openstack: { address: "169.254.169.254", smbios: "type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova" },
  ec2: {
    address: "169.254.169.254",
    smbios:
      "type=1,manufacturer=Amazon EC2,serial=ec2e1916-9099-7caf-fd21-012345abcdef,uuid=ec2e1916-9099-7caf-fd21-012345abcdef",
  },
  nocloud: { smbios: "type=1,serial=ds=nocloud;s=URL" },
};
