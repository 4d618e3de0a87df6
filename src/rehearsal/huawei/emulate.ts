import { type Emulate, paced } from "../emulated-cloud.ts";
import type { FaultRule } from "../faults.ts";
import type { WireRequest } from "../http-server.ts";
import type { MachineOrder } from "../machine-maker.ts";
import type { Trouble } from "../troubles.ts";
import { fieldsOf, textOf } from "./call.ts";
import { huaweiEmulator } from "./emulator.ts";
import { addImage } from "./import-image.ts";
import { judgeHuaweiImage } from "./judge-image.ts";
import { huaweiResources } from "./ledger.ts";
import { endServer, reclaimServer } from "./server-end.ts";
import { type Delays, type HuaweiWorld, huaweiDelays, type InstanceOrder, makeHuaweiWorld } from "./world.ts";

const GiB = 1024 ** 3;
const MiB = 1024 ** 2;

/** Troubles that are calls which fail. The others change what is in the world. */
const failingCalls: Partial<Record<Trouble, FaultRule>> = {
  "sold-out-first": { on: "ecs.CreatePostPaidServers", fault: { kind: "error", code: "Ecs.0319" }, times: 1 },
};

const slowDelays: Partial<Delays> = { terminateMs: 60_000 };

/** Huawei Cloud: ECS, IMS, VPC, EIP, IAM. */
export const emulateHuawei: Emulate = ({ examine, startMachine, store, troubles, faults, pace, ...others }) => {
  for (const trouble of troubles) {
    const rule = failingCalls[trouble];
    if (rule !== undefined) faults.add(rule);
  }
  const world = makeHuaweiWorld({
    ...others,
    faults,
    source: store,
    delays: paced({ ...huaweiDelays, ...(troubles.has("slow-cleanup") && slowDelays) }, pace),
    quotas: {
      ...(troubles.has("image-quota") && { images: 0 }),
      ...(troubles.has("instance-quota") && { instances: 0 }),
    },
    agencies: troubles.has("no-role") ? [] : "any",
    async examine(path) {
      const { facts, keptPath } = await examine(path);
      return { ...judgeHuaweiImage(facts), keptPath };
    },
    async instanceFactory(order) {
      const { console, end, died } = await startMachine(machineOrder(order));
      return { console, stop: end, died };
    },
  });
  if (troubles.has("sold-out")) sellOut(world);
  const squatters = new Set<string>();
  const { handler } = huaweiEmulator(world);
  return {
    regions: world.regions,
    async handler(request, signal) {
      if (troubles.has("name-taken")) squat(world, request, squatters);
      return await handler(request, signal);
    },
    left: () => huaweiResources(world).filter(({ id }) => !squatters.has(id)),
    reclaim: (id) => void reclaimServer(world, id),
    async close() {
      const all = { withEip: true, withVolume: true };
      await Promise.all([...world.servers.values()].map((server) => endServer(world, server, all)));
    },
  };
};

function machineOrder(order: InstanceOrder): Omit<MachineOrder, "cloud"> {
  const { server, image, flavor } = order;
  return {
    instanceId: server.id,
    hostname: server.name,
    region: server.region,
    zone: server.zone,
    architecture: image.architecture === "arm" ? "arm64" : "amd64",
    imagePath: image.path ?? "",
    firmware: image.firmware,
    diskBus: "virtio",
    cpus: flavor.vcpus,
    memoryBytes: flavor.ramMib * MiB,
    diskSizeBytes: server.diskGib * GiB,
    publicAddress: order.publicAddress,
    privateAddress: server.privateAddress,
    openPorts: order.openPorts,
    publicKeyLine: order.publicKey,
    userData: server.userData === "" ? undefined : Buffer.from(server.userData, "base64"),
  };
}

/** The lists go on saying that all can be had; who tries finds no host. */
function sellOut(world: HuaweiWorld): void {
  for (const flavor of [...world.flavors.values()].flat()) {
    for (const zone of flavor.zones.keys()) flavor.emptyZones.add(zone);
  }
}

const dayMs = 86_400_000;

/** Somebody else has made an image of the first name that is asked for. */
function squat(world: HuaweiWorld, { host, method, path, query, body }: WireRequest, squatters: Set<string>): void {
  const [, region = ""] = /^ims\.([\w-]+)\./.exec(host) ?? [];
  if (squatters.size > 0 || !world.regions.includes(region)) return;
  const isImport = method === "POST" && path === "/v2/cloudimages/action";
  const named = isImport ? fieldsOf(JSON.parse(body.toString()))["name"] : new URLSearchParams(query).get("name");
  const name = textOf(named);
  if (name === undefined) return;
  const image = addImage(world, {
    ...{ region, name, description: "", minDiskGib: 40, firmware: "bios", architecture: "x86", sizeBytes: 1 },
    ...{ osVersion: "Other Linux(64 bit)", tags: new Map(), path: undefined },
  });
  // It has been there for a while, so everybody sees it.
  world.images.set(image.id, { ...image, status: "active", createdMs: image.createdMs - dayMs });
  squatters.add(image.id);
}
