/** What an emulated Tencent Cloud has, as it keeps it. Times are milliseconds since 1970 by the rehearsal's clock. */
export interface TagRecord {
  readonly Key: string;
  readonly Value: string;
}

export interface ImageRecord {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly description: string;
  readonly architecture: "x86_64" | "arm" | "i386";
  readonly osName: string;
  readonly bootMode: "Legacy BIOS" | "UEFI";
  readonly createdMs: number;
  /** When it has been looked into. */
  sizeGib: number;
  /** Where the imported file was. */
  readonly url: string;
  /** A copy of it, in any format. */
  path?: string | undefined;
  state: "IMPORTING" | "IMPORTFAILED" | "SYNCING" | "NORMAL";
  tags: TagRecord[];
  sharedWith: string[];
  family: string;
  isDeprecated: boolean;
  /** Of a copy: when it begins and ends. */
  readonly copyMs?: { readonly from: number; readonly to: number } | undefined;
}

export interface InstanceRecord {
  readonly id: string;
  readonly region: string;
  readonly zone: string;
  readonly name: string;
  readonly image: ImageRecord;
  readonly instanceType: string;
  readonly chargeType: string;
  readonly diskGib: number;
  readonly createdMs: number;
  readonly securityGroupIds: readonly string[];
  readonly keyIds: readonly string[];
  readonly subnetId: string;
  readonly vpcId: string;
  readonly tags: readonly TagRecord[];
  readonly userData: Uint8Array | undefined;
  readonly privateAddress: string;
  readonly publicAddress: string | undefined;
  /** The dead-man's switch. */
  readonly endsAtMs: number | undefined;
  state: "PENDING" | "RUNNING" | "STOPPED" | "LAUNCH_FAILED" | "TERMINATING";
  failure?: string;
}

export interface SecurityGroupRecord {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly description: string;
  readonly createdMs: number;
  readonly tags: readonly TagRecord[];
  readonly ingress: readonly Readonly<Record<string, unknown>>[];
  readonly egress: readonly Readonly<Record<string, unknown>>[];
}

export interface KeyPairRecord {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly publicKey: string;
  readonly createdMs: number;
  readonly tags: readonly TagRecord[];
}

export interface SubnetRecord {
  readonly id: string;
  readonly vpcId: string;
  readonly region: string;
  readonly zone: string;
}
