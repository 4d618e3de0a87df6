import type { MetadataCloud } from "../guest-config/formats/metadata-tree.ts";
import type { Smbios } from "../machine/smbios.ts";
import { type PlayedCloud, playedClouds } from "../providers/played-clouds.ts";

/** How a guest recognises its cloud, and where it then asks. */
export interface MetadataMachine {
  /** The service's IPv4 address; absent if the guest is told an URL. */
  readonly address?: string | undefined;
  readonly smbios: Smbios;
}

/** @param url where the service is, for a guest that is told so */
export function metadataMachine(cloud: MetadataCloud, url: string): MetadataMachine {
  if (cloud === "nocloud") return { smbios: { system: { serial: `ds=nocloud;s=${url}` } } };
  if (cloud === "ec2") return { address: "169.254.169.254", smbios: { system: ec2System } };
  const { smbios, metadata }: PlayedCloud = playedClouds[cloud];
  return { smbios, address: metadata[0]?.replace(/:\d+$/, "") };
}

/** Both begin so on Amazon's machines; guests look at one of them or at both. */
const ec2Id = "ec2e1916-9099-7caf-fd21-012345abcdef";
const ec2System = { manufacturer: "Amazon EC2", serial: ec2Id, uuid: ec2Id };
