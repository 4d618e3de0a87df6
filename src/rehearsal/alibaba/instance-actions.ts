import { isoSeconds } from "../clock.ts";
import { deny } from "./api-error.ts";
import { jsonStrings } from "./network-actions.ts";
import { hasTags, nextPage, type Parameters, tagSet } from "./parameters.ts";
import { releaseInstance } from "./run-instances.ts";
import { type EcsState, type InstanceRecord, isVisible } from "./state.ts";

export function describeInstances(state: EcsState, parameters: Parameters) {
  const region = parameters.must("RegionId");
  const ids = parameters.get("InstanceIds");
  const wanted = ids === undefined ? undefined : jsonStrings(ids, "InvalidParameter");
  const name = parameters.get("InstanceName");
  const instances = [...state.instances.values()]
    .filter((instance) => instance.order.region === region && isVisible(state, instance))
    .filter(({ id }) => wanted === undefined || wanted.includes(id))
    .filter(({ order }) => name === undefined || order.name === name)
    .filter(({ tags }) => hasTags(tags, parameters.tags()));
  const { items, fields } = nextPage(parameters, instances);
  return { TotalCount: instances.length, ...fields, Instances: { Instance: items.map(instanceFields) } };
}

function instanceFields(instance: InstanceRecord) {
  const { order } = instance;
  return {
    InstanceId: instance.id,
    InstanceName: order.name,
    Status: instance.status,
    RegionId: order.region,
    ZoneId: order.zone,
    ImageId: order.image.id,
    InstanceType: order.kind.type,
    Cpu: order.kind.cpus,
    Memory: order.kind.memoryGib * 1024,
    InstanceChargeType: "PostPaid",
    SpotStrategy: instance.spotStrategy,
    CreationTime: isoSeconds(instance.createdMs),
    AutoReleaseTime: instance.autoReleaseTime ?? "",
    KeyPairName: instance.keyPairName ?? "",
    PublicIpAddress: { IpAddress: order.publicAddress === undefined ? [] : [order.publicAddress] },
    EipAddress: { AllocationId: "", IpAddress: "" },
    VpcAttributes: {
      VpcId: instance.vpcId,
      VSwitchId: instance.vSwitchId,
      PrivateIpAddress: { IpAddress: [order.privateAddress] },
    },
    SecurityGroupIds: { SecurityGroupId: [instance.securityGroupId] },
    OperationLocks: { LockReason: instance.isReclaimed ? [{ LockReason: "Recycling" }] : [] },
    Tags: tagSet(instance.tags),
  };
}

function mustInstance(state: EcsState, parameters: Parameters, code = "InvalidInstanceId.NotFound"): InstanceRecord {
  return (
    state.instances.get(parameters.must("InstanceId")) ?? deny(404, code, "The specified InstanceId does not exist.")
  );
}

export async function deleteInstance(state: EcsState, parameters: Parameters) {
  const instance = mustInstance(state, parameters);
  if (state.clock.now() < instance.createdMs + state.delays.initializingMs) {
    deny(403, "IncorrectInstanceStatus.Initializing", "The specified instance status does not support this operation.");
  }
  if (instance.status !== "Stopped" && !parameters.flag("Force")) {
    deny(403, "IncorrectInstanceStatus", "The instance is not stopped.");
  }
  await releaseInstance(state, instance.id);
  return {};
}

export async function getInstanceConsoleOutput(state: EcsState, parameters: Parameters) {
  const instance = mustInstance(state, parameters, "InvalidParameter");
  const { status } = instance;
  if (status !== "Running" && status !== "Stopped")
    deny(405, "IncorrectInstanceStatus", "The instance is not running.");
  const isOld = state.clock.now() >= (instance.console?.takenMs ?? Number.NEGATIVE_INFINITY) + consoleEveryMs;
  if (status === "Running" && isOld) await keepConsole(state, instance);
  const { text, takenMs } = instance.console ?? { text: "", takenMs: instance.createdMs };
  return {
    InstanceId: instance.id,
    ConsoleOutput: Buffer.from(text).toString("base64"),
    LastUpdateTime: chinaTime(takenMs),
  };
}

async function keepConsole(state: EcsState, instance: InstanceRecord): Promise<void> {
  const machine = await instance.machine?.catch(() => undefined);
  instance.console = { text: (await machine?.console()) ?? "", takenMs: state.clock.now() };
}

/** What it has printed by then is kept. */
export function stopInstance(state: EcsState, parameters: Parameters) {
  const instance = mustInstance(state, parameters);
  if (instance.status !== "Running") deny(403, "IncorrectInstanceStatus", "The instance is not running.");
  instance.status = "Stopping";
  const stopped = keepConsole(state, instance).then(async () => {
    const machine = await instance.machine?.catch(() => undefined);
    await machine?.stop();
  });
  const finish = () =>
    void stopped
      .catch(() => {})
      .then(() => {
        instance.status = "Stopped";
      });
  instance.callOffs.push(state.clock.after(state.delays.stopMs, finish));
  return {};
}

/** What it answers with may be old: nobody gets to see a console as it runs. */
const consoleEveryMs = 30_000;

const screenshotEveryMs = 10_000;

export async function getInstanceScreenshot(state: EcsState, parameters: Parameters) {
  const instance = mustInstance(state, parameters, "InvalidParameter");
  if (instance.status !== "Running") deny(405, "IncorrectInstanceStatus", "The instance is not running.");
  const machine = await instance.machine?.catch(() => undefined);
  if (machine?.screenshot === undefined) return deny(405, "NotSupported", "The instance has no screen.");
  const now = state.clock.now();
  if (now < instance.screenshotMs + screenshotEveryMs) deny(429, "Throttling", "One screenshot in ten seconds.");
  instance.screenshotMs = now;
  const picture = await machine.screenshot();
  return { InstanceId: instance.id, Screenshot: Buffer.from(picture).toString("base64") };
}

/** UTC+8, without saying so. */
function chinaTime(ms: number): string {
  return new Date(ms + 8 * 3600_000).toISOString().slice(0, 19).replace("T", " ");
}

const reclaimNoticeMs = 5 * 60_000;

/** Somebody else pays more: five minutes' notice, then it is gone. */
export function reclaimInstance(state: EcsState, id: string): void {
  const instance = state.instances.get(id);
  if (instance === undefined || !instance.isSpot) throw new TypeError(`${id} is no spot instance that is there`);
  instance.isReclaimed = true;
  instance.callOffs.push(state.clock.after(reclaimNoticeMs, () => void releaseInstance(state, id)));
}
