import { createHash } from "node:crypto";
import type { Account, KeyRing } from "../accounts.ts";
import type { Clock } from "../clock.ts";
import { type FaultPlan, makeFaultPlan } from "../faults.ts";
import { defaultFlavors, emulatedRegions } from "./catalogue.ts";
import type {
  EipRecord,
  FlavorRecord,
  ImageRecord,
  JobRecord,
  KeyPairRecord,
  SecurityGroupRecord,
  ServerRecord,
  SubnetRecord,
  VolumeRecord,
  VpcRecord,
} from "./records.ts";

/** How long things take, in milliseconds of the rehearsal's clock. */
export interface Delays {
  readonly importMs: number;
  readonly copyMs: number;
  readonly launchMs: number;
  readonly terminateMs: number;
  /** A new instance, image or security group is found by nobody for so long. */
  readonly unseenMs: number;
}

export const huaweiDelays: Delays = {
  importMs: 90_000,
  copyMs: 120_000,
  launchMs: 20_000,
  terminateMs: 15_000,
  unseenMs: 1_000,
};

export interface Quotas {
  readonly images: number;
  readonly instances: number;
  readonly cores: number;
  readonly addresses: number;
  readonly securityGroups: number;
  readonly imageJobs: number;
}

const usualQuotas: Quotas = { images: 50, instances: 20, cores: 40, addresses: 10, securityGroups: 20, imageJobs: 40 };

/** What an import finds when it opens the file. */
export interface ExaminedFile {
  readonly format: string;
  readonly virtualSizeBytes: number;
  readonly fileSizeBytes: number;
  /** Where the service keeps its own copy. Default: it has none, and reads the object. */
  readonly keptPath?: string | undefined;
  /** Why the service cannot take it, in its own code. */
  readonly problem?: { readonly code: string; readonly reason: string } | undefined;
}

/** The object store that imports read from. */
export interface ImportSource {
  bucket(name: string): { readonly region: string; readonly storageClass?: string | undefined } | undefined;
  /** A file with the object's bytes. Undefined: there is no such object. */
  openObject(bucket: string, key: string): Promise<string | undefined>;
}

/** What a machine is made of. */
export interface InstanceOrder {
  readonly server: Readonly<ServerRecord>;
  readonly image: Readonly<ImageRecord>;
  readonly flavor: Readonly<FlavorRecord>;
  readonly publicAddress: string | undefined;
  readonly openPorts: readonly number[];
  /** Of the key pair, as a line of authorized_keys. */
  readonly publicKey: string | undefined;
}

/** Something that really runs for a record. */
export interface RunningMachine {
  console(): Promise<string>;
  /** Resolves when it ends by itself. */
  readonly died?: Promise<unknown> | undefined;
  /** Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface HuaweiWorldOptions {
  readonly account: Account;
  readonly keys: Pick<KeyRing, "keyOf">;
  readonly clock: Clock;
  readonly source: ImportSource;
  /** Opens the file that is imported. */
  readonly examine: (path: string) => Promise<ExaminedFile>;
  readonly delays?: Partial<Delays>;
  readonly quotas?: Partial<Quotas>;
  /** GB: the references disagree on it. Default: 10. */
  readonly leastMinDisk?: number;
  /** Of IAM, that let IMS copy to other regions; `any`: whatever is named. Default: none. */
  readonly agencies?: readonly string[] | "any";
  /** Which operation has the console's text. Default: Nova's. */
  readonly console?: "nova" | "v1" | "none";
  /** Whether the account has its default network. Default: yes. */
  readonly hasDefaultVpc?: boolean;
  /** Calls that fail, by service and operation: `ecs.CreatePostPaidServers`. Default: none. */
  readonly faults?: FaultPlan;
  /** Boots an instance. Without it instances are records only. */
  readonly instanceFactory?: (order: InstanceOrder) => Promise<RunningMachine>;
}

/** All that an emulated Huawei Cloud knows. Operations change it; its own clock does too. */
export interface HuaweiWorld extends Omit<Required<HuaweiWorldOptions>, "instanceFactory" | "delays" | "quotas"> {
  readonly instanceFactory: HuaweiWorldOptions["instanceFactory"];
  readonly delays: Delays;
  readonly quotas: Quotas;
  readonly regions: readonly string[];
  readonly flavors: ReadonlyMap<string, FlavorRecord[]>;
  readonly images: Map<string, ImageRecord>;
  readonly jobs: Map<string, JobRecord>;
  readonly servers: Map<string, ServerRecord>;
  readonly eips: Map<string, EipRecord>;
  readonly volumes: Map<string, VolumeRecord>;
  readonly securityGroups: Map<string, SecurityGroupRecord>;
  readonly keyPairs: KeyPairRecord[];
  readonly vpcs: Map<string, VpcRecord>;
  readonly subnets: Map<string, SubnetRecord>;
  /** Answers by `X-Client-Token`. */
  readonly launches: Map<string, { readonly body: string; readonly answer: object }>;
  readonly machines: Map<string, Promise<RunningMachine>>;
  /** The same in each run. */
  newId(): string;
}

export function makeHuaweiWorld(options: HuaweiWorldOptions): HuaweiWorld {
  const { account, delays = {}, quotas = {}, hasDefaultVpc = true } = options;
  let count = 0;
  const world: HuaweiWorld = {
    leastMinDisk: 10,
    agencies: [],
    console: "nova",
    faults: makeFaultPlan(),
    ...options,
    hasDefaultVpc,
    instanceFactory: options.instanceFactory,
    delays: { ...huaweiDelays, ...delays },
    quotas: { ...usualQuotas, ...quotas },
    regions: emulatedRegions,
    flavors: new Map(emulatedRegions.map((region) => [region, defaultFlavors(region)])),
    images: new Map(),
    jobs: new Map(),
    servers: new Map(),
    eips: new Map(),
    volumes: new Map(),
    securityGroups: new Map(),
    keyPairs: [],
    vpcs: new Map(),
    subnets: new Map(),
    launches: new Map(),
    machines: new Map(),
    newId() {
      count += 1;
      const hex = createHash("sha256").update(`${account.accountId} ${count}`).digest("hex");
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
    },
  };
  if (hasDefaultVpc) for (const region of emulatedRegions) addDefaultNetwork(world, region);
  return world;
}

export const defaultNames = { vpc: "vpc-default", subnet: "subnet-default" };

function addDefaultNetwork(world: HuaweiWorld, region: string): void {
  const createdMs = world.clock.now();
  const vpc = { id: world.newId(), region, name: defaultNames.vpc, cidr: "192.168.0.0/16", createdMs };
  const subnet = { ...vpc, id: world.newId(), name: defaultNames.subnet, cidr: "192.168.0.0/24" };
  world.vpcs.set(vpc.id, vpc);
  world.subnets.set(subnet.id, { ...subnet, vpcId: vpc.id, gateway: "192.168.0.1" });
}

/** What somebody has made and is still there: after a tidy run, nothing. */
export function ledgerOf(world: HuaweiWorld): string[] {
  const lines = (kind: string, records: Iterable<{ readonly id: string; readonly region: string }>) =>
    [...records].map(({ id, region }) => `${kind} ${id} in ${region}`);
  const named = <R extends { readonly name: string }>(records: Iterable<R>, name: string) =>
    [...records].filter((record) => record.name !== name);
  return [
    ...lines("image", world.images.values()),
    ...lines("instance", world.servers.values()),
    ...lines("address", world.eips.values()),
    ...lines("volume", world.volumes.values()),
    ...lines("security-group", world.securityGroups.values()),
    ...world.keyPairs.map(({ name, region }) => `key-pair ${name} in ${region}`),
    ...lines("network", named(world.vpcs.values(), defaultNames.vpc)),
    ...lines("subnet", named(world.subnets.values(), defaultNames.subnet)),
  ];
}

export function inRegion<R extends { readonly region: string }>(records: Iterable<R>, region: string): R[] {
  return [...records].filter((record) => record.region === region);
}
