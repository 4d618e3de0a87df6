import { createHash } from "node:crypto";
import type { Account, KeyRing } from "../accounts.ts";
import type { Clock } from "../clock.ts";
import type { Fault } from "./faults.ts";
import type { ImageRecord, InstanceRecord, KeyPairRecord, SecurityGroupRecord, SubnetRecord } from "./records.ts";
import { defaultStock, emulatedRegions, type StockItem } from "./stock.ts";

/** How long things take, in milliseconds of the rehearsal's clock. */
export interface Delays {
  readonly importMs: number;
  readonly copyMs: number;
  readonly launchMs: number;
  /** So long after its launch an instance cannot be ended. */
  readonly settleMs: number;
  readonly terminateMs: number;
  /** A new instance or image is not found by anyone for so long. */
  readonly unseenMs: number;
}

export const tencentDelays: Delays = {
  importMs: 120_000,
  copyMs: 60_000,
  launchMs: 15_000,
  settleMs: 25_000,
  terminateMs: 20_000,
  unseenMs: 1_000,
};

/** What the import finds when it opens the file behind the URL. */
export interface Examined {
  /** `VirtioNotInstall`, `PartitionNotPresent`, …: never told by the API, only to the account's owner. */
  readonly failure?: string | undefined;
  readonly sizeGib?: number | undefined;
  /** Where the service keeps its own copy. */
  readonly path?: string | undefined;
}

/** Something that really runs for a record. */
export interface RunningMachine {
  /** Resolves when it is gone. */
  end(): Promise<void>;
}

export interface TencentWorldOptions {
  readonly account: Account;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly delays?: Partial<Delays>;
  readonly imageQuota?: number;
  /** Opens the file behind an import's URL. Without it each file is good. */
  readonly examine?: (url: string, isForced: boolean, region: string) => Promise<Examined>;
  /** Boots an instance. Without it instances are records only. */
  readonly instanceFactory?: (instance: InstanceRecord) => Promise<RunningMachine>;
}

/** All that an emulated Tencent Cloud knows. Actions change it; its own clock does too. */
export interface TencentWorld {
  readonly account: Account;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly delays: Delays;
  readonly imageQuota: number;
  readonly regions: readonly string[];
  readonly stock: ReadonlyMap<string, StockItem[]>;
  readonly images: ImageRecord[];
  readonly instances: InstanceRecord[];
  readonly securityGroups: SecurityGroupRecord[];
  readonly keyPairs: KeyPairRecord[];
  readonly subnets: SubnetRecord[];
  /** Answers of `RunInstances` by client token. */
  readonly launches: Map<string, { readonly body: string; readonly ids: readonly string[] }>;
  /** What the account's owner was written: why imports failed. */
  readonly mail: string[];
  readonly faults: Fault[];
  readonly machines: Map<string, Promise<RunningMachine>>;
  readonly examine: (url: string, isForced: boolean, region: string) => Promise<Examined>;
  readonly instanceFactory: TencentWorldOptions["instanceFactory"];
  /** `img-0a1b2c3d`: the same in each run. */
  nextId(prefix: string): string;
}

export function makeTencentWorld(options: TencentWorldOptions): TencentWorld {
  const { account, keys, clock, delays = {}, imageQuota = 10, examine = async () => ({}), instanceFactory } = options;
  let count = 0;
  return {
    account,
    keys,
    clock,
    delays: { ...tencentDelays, ...delays },
    imageQuota,
    regions: emulatedRegions,
    stock: new Map(emulatedRegions.map((region) => [region, defaultStock(region)])),
    images: [],
    instances: [],
    securityGroups: [],
    keyPairs: [],
    subnets: [],
    launches: new Map(),
    mail: [],
    faults: [],
    machines: new Map(),
    examine,
    instanceFactory,
    nextId(prefix) {
      count += 1;
      return `${prefix}-${createHash("sha256").update(`${account.accountId} ${count}`).digest("hex").slice(0, 8)}`;
    },
  };
}

/** What is there and somebody has made: after a tidy run, nothing. */
export function ledgerOf(world: TencentWorld): string[] {
  return [
    ...world.images.map(({ id, region }) => `image ${id} in ${region}`),
    ...world.instances.map(({ id, region }) => `instance ${id} in ${region}`),
    ...world.securityGroups.map(({ id, region }) => `security-group ${id} in ${region}`),
    ...world.keyPairs.map(({ id, region }) => `key-pair ${id} in ${region}`),
  ];
}

/** What was made a moment ago is not found yet. */
export function isSeen({ createdMs }: { readonly createdMs: number }, { clock, delays }: TencentWorld): boolean {
  return clock.now() >= createdMs + delays.unseenMs;
}

export function removeFrom<T>(list: T[], gone: T): void {
  const at = list.indexOf(gone);
  if (at >= 0) list.splice(at, 1);
}
