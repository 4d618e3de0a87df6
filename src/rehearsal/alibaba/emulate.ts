import { type Emulate, type EmulatedCloud, paced } from "../emulated-cloud.ts";
import { type FaultRule, withFaults } from "../faults.ts";
import { headerOf, type WireAnswer, type WireRequest } from "../http-server.ts";
import { pngToJpeg } from "../jpeg.ts";
import type { EmulatedMachine, MachineOrder } from "../machine-maker.ts";
import { parseParameters } from "../signatures/encoding.ts";
import type { Trouble } from "../troubles.ts";
import { type EmulatedEcs, makeEcs } from "./ecs.ts";
import { judgeAlibabaImage } from "./judge-image.ts";
import { releaseInstance } from "./run-instances.ts";
import { type Delays, type EcsState, type InstanceOrder, type RunningMachine, usualDelays } from "./state.ts";

const GiB = 1024 ** 3;
const forever = Number.POSITIVE_INFINITY;
const launchFails = (code: string, times = forever): FaultRule => {
  return { on: "ecs.RunInstances", fault: { kind: "error", code }, times };
};

/** Troubles that are calls which fail. The others change what is in the world. */
const failingCalls: Partial<Record<Trouble, FaultRule>> = {
  "instance-quota": launchFails("QuotaExceed.ElasticQuota"),
  "sold-out": launchFails("OperationDenied.NoStock"),
  "sold-out-first": launchFails("OperationDenied.NoStock", 1),
};

const worldsInTrouble: Partial<Record<Trouble, (state: EcsState) => void>> = {
  "no-role": (state) => {
    state.hasImportRole = false;
  },
  "image-quota": (state) => {
    state.imageQuota = 0;
  },
};

const slowDelays: Partial<Delays> = { initializingMs: 60_000, releaseMs: 60_000 };

/** Alibaba Cloud: ECS. */
export const emulateAlibaba: Emulate = ({ examine, startMachine, store, troubles, faults, pace, ...others }) => {
  const ecs: EmulatedEcs = makeEcs({
    ...others,
    delays: paced({ ...usualDelays, ...(troubles.has("slow-cleanup") && slowDelays) }, pace),
    source: store,
    async inspect(path) {
      const { facts, keptPath } = await examine(path);
      return { ...judgeAlibabaImage(facts), keptPath };
    },
    instanceFactory: async (order) => runningMachine(await startMachine(machineOrder(order))),
  });
  for (const trouble of troubles) {
    worldsInTrouble[trouble]?.(ecs.state);
    const rule = failingCalls[trouble];
    if (rule !== undefined) faults.add(rule);
  }
  const squatters = new Set<string>();
  const api = withFaults(ecs.handler, faults, nameOf, errorAnswer);
  const cloud: EmulatedCloud = {
    regions: Object.keys(ecs.state.regions),
    async handler(request, signal) {
      if (troubles.has("name-taken")) squat(ecs.state, request, squatters);
      return await api(request, signal);
    },
    left: () => ecs.ledger().filter(({ id }) => !squatters.has(id)),
    reclaim: (id, isSudden) => (isSudden ? void releaseInstance(ecs.state, id) : ecs.reclaim(id)),
    close: ecs.close,
  };
  return cloud;
};

function machineOrder(order: InstanceOrder): Omit<MachineOrder, "cloud"> {
  const { image, kind } = order;
  return {
    instanceId: order.id,
    hostname: order.name,
    region: order.region,
    zone: order.zone,
    architecture: image.architecture === "arm64" ? "arm64" : "amd64",
    imagePath: image.path ?? "",
    firmware: image.bootMode === "UEFI" ? "uefi" : "bios",
    diskBus: kind.nvme !== "unsupported" && image.nvme === "supported" ? "nvme" : "virtio",
    cpus: kind.cpus,
    memoryBytes: kind.memoryGib * GiB,
    diskSizeBytes: order.diskGib * GiB,
    publicAddress: order.publicAddress,
    privateAddress: order.privateAddress,
    openPorts: order.openPorts,
    publicKeyLine: order.publicKey,
    userData: order.userData,
  };
}

/** Its screen is photographed as JPEG. */
function runningMachine(machine: EmulatedMachine): RunningMachine {
  const { screenshot } = machine;
  return {
    console: () => machine.console(),
    stop: () => machine.end(),
    died: machine.died,
    ...(screenshot && { screenshot: async () => pngToJpeg(await screenshot()) }),
  };
}

function nameOf(request: WireRequest): { service: string; operation: string } {
  return { service: /^sts\./.test(request.host) ? "sts" : "ecs", operation: headerOf(request, "x-acs-action") ?? "" };
}

const statuses: Readonly<Record<string, number>> = { InternalError: 500, ServiceUnavailable: 503 };

function errorAnswer(Code: string, { host }: WireRequest): WireAnswer {
  const RequestId = crypto.randomUUID().toUpperCase();
  return {
    status: statuses[Code] ?? (/^(OperationDenied|QuotaExceed|Forbidden|Dependency|Incorrect)/.test(Code) ? 403 : 400),
    headers: { "content-type": "application/json;charset=utf-8" },
    body: JSON.stringify({ Code, Message: "As the rehearsal was told.", RequestId, HostId: host, Recommend: "" }),
  };
}

/** Somebody else has made an image of the first name that is asked for. */
function squat(state: EcsState, request: WireRequest, squatters: Set<string>): void {
  const { operation } = nameOf(request);
  const parameters = new Map(parseParameters(request.query));
  const [name, region] = ["ImageName", "RegionId"].map((field) => parameters.get(field));
  const isAsked = operation === "DescribeImages" || operation === "ImportImage";
  if (squatters.size > 0 || !isAsked || !name || !region || name.startsWith("cloudimg-check-")) return;
  const id = state.newId("m");
  squatters.add(id);
  state.images.set(id, {
    ...{ id, region, name, description: "", status: "Available", architecture: "x86_64", platform: "Others Linux" },
    ...{ bootMode: "BIOS", nvme: "unsupported", tags: {}, family: "", sharedWith: [], createdMs: 0, takesMs: 1 },
    ...{ diskGib: 20, isCopied: false },
  });
}
