import type { Clock } from "../clock.ts";
import type { MachineKind, Stock } from "./catalogue.ts";

export interface ImageRecord {
  readonly id: string;
  readonly region: string;
  name: string;
  description: string;
  status: "Creating" | "Waiting" | "Available" | "UnAvailable" | "CreateFailed" | "Deprecated";
  readonly architecture: string;
  readonly platform: string;
  bootMode: string;
  nvme: string;
  readonly tags: Record<string, string>;
  family: string;
  readonly sharedWith: string[];
  readonly createdMs: number;
  /** What it takes to be made. */
  readonly takesMs: number;
  readonly diskGib: number;
  readonly bucket?: string | undefined;
  readonly key?: string | undefined;
  readonly isCopied: boolean;
  snapshotId?: string | undefined;
  /** A file with the disk, in any format. */
  path?: string | undefined;
}

export interface TaskRecord {
  readonly id: string;
  readonly region: string;
  readonly imageId: string;
  status: "Processing" | "Finished" | "Failed";
  readonly createdMs: number;
  finishedMs?: number | undefined;
  error?: { readonly code: string; readonly message: string } | undefined;
  /** Undoes what is planned for later. */
  callOff: () => void;
}

export interface SnapshotRecord {
  readonly id: string;
  readonly region: string;
  readonly imageId: string;
  readonly createdMs: number;
  readonly diskGib: number;
}

/** A machine that runs behind an instance. */
export interface RunningMachine {
  console(): Promise<string>;
  /** Resolves when it ends by itself. */
  readonly died?: Promise<unknown> | undefined;
  /** A JPEG picture. */
  screenshot?(): Promise<Uint8Array>;
  stop(): Promise<void>;
}

/** What a machine is made of. */
export interface InstanceOrder {
  readonly id: string;
  readonly region: string;
  readonly zone: string;
  readonly name: string;
  readonly image: Readonly<ImageRecord>;
  readonly kind: MachineKind;
  readonly diskGib: number;
  readonly publicAddress: string | undefined;
  readonly privateAddress: string;
  readonly openPorts: readonly number[];
  /** Of the key pair, as a line of authorized_keys. */
  readonly publicKey: string | undefined;
  readonly userData: Uint8Array | undefined;
}

/** Boots what an instance stands for. */
export type InstanceFactory = (order: InstanceOrder) => Promise<RunningMachine>;

export interface InstanceRecord {
  readonly id: string;
  readonly order: InstanceOrder;
  status: "Pending" | "Starting" | "Running" | "Stopping" | "Stopped";
  readonly createdMs: number;
  readonly isSpot: boolean;
  readonly spotStrategy: string;
  readonly tags: Record<string, string>;
  readonly securityGroupId: string;
  readonly keyPairName: string | undefined;
  readonly vSwitchId: string;
  readonly vpcId: string;
  readonly autoReleaseTime: string | undefined;
  isReclaimed: boolean;
  machine?: Promise<RunningMachine> | undefined;
  screenshotMs: number;
  /** What the service has kept of the console, and since when. */
  console?: { readonly text: string; readonly takenMs: number } | undefined;
  readonly callOffs: (() => void)[];
}

export interface SecurityGroup {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  readonly tags: Record<string, string>;
  readonly createdMs: number;
  readonly rules: { readonly protocol: string; readonly portRange: string; readonly source: string }[];
}

export interface KeyPair {
  readonly region: string;
  readonly name: string;
  readonly publicKey: string;
  readonly tags: Record<string, string>;
  readonly createdMs: number;
}

export interface Network {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly description: string;
  readonly cidr: string;
  readonly isDefault: boolean;
  readonly createdMs: number;
}

export interface Subnet extends Network {
  readonly vpcId: string;
  readonly zone: string;
}

/** How long things take, in milliseconds of the rehearsal's clock. */
export interface Delays {
  readonly importMs: number;
  readonly copyMs: number;
  readonly startMs: number;
  readonly stopMs: number;
  /** After the launch, for so long an instance cannot be removed. */
  readonly initializingMs: number;
  /** So long something new is not found. */
  readonly invisibleMs: number;
  /** So long a security group is still held by an instance that is gone. */
  readonly releaseMs: number;
  readonly networkMs: number;
}

export const usualDelays: Delays = {
  importMs: 60_000,
  copyMs: 90_000,
  startMs: 8_000,
  stopMs: 5_000,
  initializingMs: 6_000,
  invisibleMs: 1_000,
  releaseMs: 10_000,
  networkMs: 2_000,
};

export interface EcsState {
  readonly clock: Clock;
  readonly delays: Delays;
  readonly account: { readonly id: string };
  readonly regions: Readonly<Record<string, readonly string[]>>;
  readonly images: Map<string, ImageRecord>;
  readonly tasks: Map<string, TaskRecord>;
  readonly snapshots: Map<string, SnapshotRecord>;
  readonly instances: Map<string, InstanceRecord>;
  readonly securityGroups: Map<string, SecurityGroup>;
  /** By region and name. */
  readonly keyPairs: Map<string, KeyPair>;
  readonly vpcs: Map<string, Network>;
  readonly vSwitches: Map<string, Subnet>;
  readonly stock: Stock;
  /** Security groups of instances that are gone, until when. */
  readonly heldUntilMs: Map<string, number>;
  hasImportRole: boolean;
  imageQuota: number;
  readonly instanceFactory: InstanceFactory | undefined;
  newId(prefix: string): string;
}

/** Whether something new is told of yet. */
export function isVisible({ clock, delays }: EcsState, { createdMs }: { readonly createdMs: number }): boolean {
  return clock.now() >= createdMs + delays.invisibleMs;
}
