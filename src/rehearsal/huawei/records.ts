/** Times are milliseconds of the rehearsal's clock. */
export interface ImageRecord {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly description: string;
  status: "queued" | "saving" | "active" | "killed";
  readonly minDiskGib: number;
  readonly firmware: "bios" | "uefi";
  readonly architecture: "x86" | "arm";
  readonly osVersion: string;
  readonly tags: Map<string, string>;
  readonly sharedWith: string[];
  readonly createdMs: number;
  activeMs: number | undefined;
  /** Of its file, when it is known. */
  sizeBytes: number;
  /** The file that was imported, as an import's hook gave it. */
  path: string | undefined;
}

export interface JobRecord {
  readonly id: string;
  readonly service: "ims" | "ecs";
  readonly region: string;
  readonly type: string;
  readonly beginMs: number;
  status: "INIT" | "RUNNING" | "SUCCESS" | "FAIL";
  endMs: number | undefined;
  /** In all. */
  readonly takesMs: number;
  failure: { readonly code: string; readonly reason: string } | undefined;
  /** IMS: of the image that comes out. */
  readonly imageId?: string;
  readonly imageName?: string;
  /** ECS: one sub-job for each. */
  readonly serverIds?: readonly string[];
}

export interface ServerRecord {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  status: "BUILD" | "ACTIVE" | "SHUTOFF" | "ERROR";
  fault: string | undefined;
  readonly imageId: string;
  readonly flavorId: string;
  readonly zone: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly securityGroupIds: readonly string[];
  readonly keyName: string;
  readonly userData: string;
  readonly tags: Map<string, string>;
  readonly isSpot: boolean;
  readonly diskGib: number;
  readonly createdMs: number;
  launchedMs: number | undefined;
  readonly terminatesMs: number | undefined;
  readonly privateAddress: string;
  eipId: string | undefined;
  readonly volumeId: string;
}

export interface EipRecord {
  readonly id: string;
  readonly region: string;
  readonly address: string;
  readonly bandwidthName: string;
  readonly sizeMbit: number;
  serverId: string | undefined;
  /** It ends with its server, however that ends. */
  readonly endsWithServer: boolean;
  readonly createdMs: number;
}

export interface VolumeRecord {
  readonly id: string;
  readonly region: string;
  readonly sizeGib: number;
  readonly type: string;
}

export interface SecurityGroupRecord {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly rules: SecurityRule[];
  readonly createdMs: number;
}

export interface SecurityRule {
  readonly id: string;
  readonly direction: "ingress" | "egress";
  readonly ethertype: string;
  readonly protocol: string | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly prefix: string | null;
  readonly groupId: string | null;
}

export interface KeyPairRecord {
  readonly region: string;
  readonly name: string;
  readonly publicKey: string;
  readonly createdMs: number;
}

export interface VpcRecord {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly cidr: string;
  readonly createdMs: number;
}

export interface SubnetRecord extends VpcRecord {
  readonly vpcId: string;
  readonly gateway: string;
}

/** What a zone sells of a kind of machine. */
export interface FlavorRecord {
  readonly id: string;
  readonly vcpus: number;
  readonly ramMib: number;
  readonly isArm: boolean;
  readonly hasGpu: boolean;
  /** By zone, as the list says it: `normal`, `sellout`, `abandon`. */
  readonly zones: Map<string, string>;
  readonly spotZones: Map<string, string>;
  /** Zones in which a launch finds it sold out, whatever the list says. */
  readonly emptyZones: Set<string>;
}
