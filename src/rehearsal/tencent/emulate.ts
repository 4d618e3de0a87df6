import { randomUUID } from "node:crypto";
import { type Emulate, paced, portsOf, type Surroundings } from "../emulated-cloud.ts";
import { type FaultRule, withFaults } from "../faults.ts";
import { headerOf, type WireAnswer, type WireRequest } from "../http-server.ts";
import type { EmulatedMachine, MachineOrder } from "../machine-maker.ts";
import { StoreError } from "../object-store/store-error.ts";
import type { Trouble } from "../troubles.ts";
import { type Input, objectsOf, textsOf } from "./action.ts";
import { endInstance, reclaimInstance, stopInstance } from "./instance-life.ts";
import { judgeTencentImage } from "./judge-image.ts";
import { tencentResources } from "./ledger.ts";
import type { InstanceRecord } from "./records.ts";
import { tencentApi } from "./service.ts";
import { type Delays, type Examined, makeTencentWorld, type TencentWorld, tencentDelays } from "./world.ts";

const GiB = 1024 ** 3;
const forever = Number.POSITIVE_INFINITY;
const launchFails = (code: string, times = forever): FaultRule => {
  return { on: "cvm.RunInstances", fault: { kind: "error", code }, times };
};

/** Troubles that are calls which fail. The others change what is in the world. */
const failingCalls: Partial<Record<Trouble, FaultRule>> = {
  "instance-quota": launchFails("LimitExceeded.CvmInstanceQuota"),
  "sold-out": launchFails("ResourcesSoldOut.SpecifiedInstanceType"),
  "sold-out-first": launchFails("ResourcesSoldOut.SpecifiedInstanceType", 1),
};

const slowDelays: Partial<Delays> = { settleMs: 60_000, terminateMs: 60_000 };

/** Tencent Cloud: CVM, VPC, STS, CAM, Tag. */
export const emulateTencent: Emulate = (surroundings) => {
  const { account, keys, clock, troubles, pace, faults } = surroundings;
  for (const trouble of troubles) {
    const rule = failingCalls[trouble];
    if (rule !== undefined) faults.add(rule);
  }
  const world: TencentWorld = makeTencentWorld({
    account,
    keys,
    clock,
    delays: paced({ ...tencentDelays, ...(troubles.has("slow-cleanup") && slowDelays) }, pace),
    ...(troubles.has("image-quota") && { imageQuota: 0 }),
    examine: (url, isForced, region) => examine(surroundings, url, isForced, region),
    async instanceFactory(instance) {
      const machine = await surroundings.startMachine(orderOf(world, instance));
      void machine.died.then(() => stopInstance(world, instance.id));
      return machine satisfies EmulatedMachine;
    },
  });
  const squatters = new Set<string>();
  const api = withFaults(tencentApi(world), faults, nameOf, errorAnswer);
  return {
    regions: world.regions,
    async handler(request, signal) {
      if (troubles.has("name-taken")) squat(world, request, squatters);
      return await api(request, signal);
    },
    left: () => tencentResources(world).filter(({ id }) => !squatters.has(id)),
    reclaim: (id) => reclaimInstance(world, id),
    async close() {
      const machines = [...world.machines.values()];
      for (const instance of [...world.instances]) endInstance(world, instance);
      await Promise.allSettled(machines.map(async (machine) => await (await machine).end()));
    },
  };
};

/** Between these, imports read from bucket to bucket; elsewhere in their own region only (document 213/4945). */
const mainland = /^ap-(guangzhou|shanghai|nanjing|beijing|chengdu|chongqing)$/;

/** Follows the link, once, and looks into what is there. */
async function examine(
  { store, examine }: Surroundings,
  url: string,
  isForced: boolean,
  region: string,
): Promise<Examined> {
  let path: string;
  try {
    path = await store.openLink(url);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { failure: `InvalidUrl (${error.code})` };
  }
  const bucket = store.bucket(new URL(url).hostname.split(".")[0] ?? "");
  const isNear = bucket?.region === region || (mainland.test(region) && mainland.test(bucket?.region ?? ""));
  if (bucket !== undefined && !isNear) return { failure: `InvalidUrl (the bucket is in ${bucket.region})` };
  // What is archived has to be restored before anybody reads it.
  if (bucket !== undefined && /ARCHIVE/.test(bucket.storageClass))
    return { failure: "InvalidUrl (InvalidObjectState)" };
  const { facts, keptPath } = await examine(path);
  const sizeGib = Math.max(1, Math.ceil(facts.virtualSizeBytes / GiB));
  return { sizeGib, path: keptPath, ...judgeTencentImage(facts, isForced) };
}

function orderOf(world: TencentWorld, instance: InstanceRecord): Omit<MachineOrder, "cloud"> {
  const { image, region, zone } = instance;
  const kind = world.stock
    .get(region)
    ?.find((item) => item.zone === zone && item.instanceType === instance.instanceType);
  const groups = world.securityGroups.filter(({ id }) => instance.securityGroupIds.includes(id));
  return {
    instanceId: instance.id,
    hostname: instance.name,
    region,
    zone,
    architecture: image.architecture === "arm" ? "arm64" : "amd64",
    imagePath: image.path ?? "",
    firmware: image.bootMode === "UEFI" ? "uefi" : "bios",
    diskBus: "virtio",
    cpus: kind?.cpus ?? 1,
    memoryBytes: (kind?.memoryGib ?? 1) * GiB,
    diskSizeBytes: instance.diskGib * GiB,
    publicAddress: instance.publicAddress,
    privateAddress: instance.privateAddress,
    openPorts: groups.flatMap(({ ingress }) => ingress.flatMap(acceptedPorts)),
    publicKeyLine: world.keyPairs.find(({ id }) => instance.keyIds.includes(id))?.publicKey,
    userData: instance.userData,
  };
}

function acceptedPorts({ Protocol, Port, Action }: Input): number[] {
  const isMeant = /^(tcp|all)$/i.test(String(Protocol ?? "ALL")) && String(Action).toUpperCase() === "ACCEPT";
  return isMeant ? portsOf(String(Port ?? "ALL")) : [];
}

function nameOf(request: WireRequest): { service: string; operation: string } {
  return { service: request.host.split(".")[0] ?? "", operation: headerOf(request, "x-tc-action") ?? "" };
}

/** Errors come with HTTP 200. */
function errorAnswer(Code: string): WireAnswer {
  const Response = { Error: { Code, Message: "as the rehearsal was told" }, RequestId: randomUUID() };
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ Response }) };
}

/** Somebody else has made an image of the first name that is asked for. */
function squat(world: TencentWorld, request: WireRequest, squatters: Set<string>): void {
  const region = headerOf(request, "x-tc-region") ?? "";
  const name = squatters.size > 0 ? undefined : namedImage(request);
  if (name === undefined) return;
  const id = world.nextId("img");
  squatters.add(id);
  world.images.push({
    ...{ id, region, name, description: "", architecture: "x86_64", osName: "Other Linux", bootMode: "Legacy BIOS" },
    ...{
      createdMs: 0,
      sizeGib: 1,
      url: "",
      state: "NORMAL",
      tags: [],
      sharedWith: [],
      family: "",
      isDeprecated: false,
    },
  });
}

function namedImage(request: WireRequest): string | undefined {
  const { operation } = nameOf(request);
  if (operation !== "DescribeImages" && operation !== "ImportImage") return undefined;
  const input: Input = JSON.parse(request.body.toString() || "{}");
  if (operation === "ImportImage") return input["DryRun"] === true ? undefined : String(input["ImageName"]);
  const filter = objectsOf(input, "Filters").find((one) => one["Name"] === "image-name");
  return filter === undefined ? undefined : textsOf(filter, "Values")[0];
}
