import { isoSeconds } from "../clock.ts";
import { portsOf } from "../emulated-cloud.ts";
import { deny } from "./api-error.ts";
import { round } from "./catalogue.ts";
import { mustKind } from "./market-actions.ts";
import { keyPairOf } from "./network-actions.ts";
import type { Parameters } from "./parameters.ts";
import { type EcsState, type InstanceOrder, type InstanceRecord, isVisible } from "./state.ts";

const mostUserDataBytes = 32 * 1024;
const leastReleaseMs = 30 * 60_000;

export function runInstances(state: EcsState, parameters: Parameters) {
  const region = parameters.must("RegionId");
  const kind = mustKind(parameters.get("InstanceType"));
  const image = state.images.get(parameters.get("ImageId") ?? "");
  if (image === undefined || image.region !== region) {
    return deny(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.");
  }
  if (image.status !== "Available") deny(403, "OperationDenied.ImageNotValid", "The image is not available.");
  const fitsNvme = kind.nvme !== "required" || image.nvme === "supported";
  const fitsArchitecture = (kind.architecture === "ARM") === (image.architecture === "arm64");
  if (!fitsNvme || !fitsArchitecture || !kind.bootModes.includes(image.bootMode as "BIOS" | "UEFI")) {
    deny(403, "ImageNotSupportInstanceType", "The image does not support the instance type.");
  }
  const { vSwitch, group, zone } = placeOf(state, parameters);
  const keyPairName = parameters.get("KeyPairName");
  const pair = keyPairName === undefined ? undefined : keyPairOf(state, region, keyPairName);
  if (keyPairName !== undefined && (pair === undefined || !isVisible(state, pair))) {
    deny(404, "InvalidKeyPairName.NotFound", "The specified KeyPairName does not exist.");
  }
  const diskGib = parameters.number("SystemDisk.Size") ?? Math.max(40, image.diskGib);
  if (diskGib < 20) deny(404, "InvalidSystemDiskSize.LessThanMinSize", "The disk is too small.");
  if (diskGib < image.diskGib) deny(404, "InvalidSystemDiskSize.LessThanImageSize", "The disk is too small.");
  const userData = userDataOf(parameters);
  const releaseMs = releaseTimeOf(state, parameters);
  const spotStrategy = parameters.get("SpotStrategy") ?? "NoSpot";
  const isSpot = spotStrategy !== "NoSpot";
  if (spotStrategy === "SpotWithPriceLimit") {
    const limit = parameters.number("SpotPriceLimit") ?? deny(400, "InvalidSpotPriceLimit", "There is no limit.");
    if (limit < round(kind.price * state.stock.spotPart)) {
      deny(400, "InvalidSpotPriceLimit.LowerThanPublicPrice", "The limit is lower than the price.");
    }
  }
  if (state.stock.left(kind.type, zone) < 1) {
    deny(403, "OperationDenied.NoStock", "The requested resource is sold out in the specified zone.");
  }
  if (parameters.flag("DryRun"))
    deny(400, "DryRunOperation", "Request validation has been passed with DryRun flag set.");

  const order: InstanceOrder = {
    id: state.newId("i"),
    region,
    zone,
    name: parameters.get("InstanceName") ?? "",
    image,
    kind,
    diskGib,
    publicAddress: (parameters.number("InternetMaxBandwidthOut") ?? 0) > 0 ? newAddress(state, "203.0.113") : undefined,
    privateAddress: newAddress(state, vSwitch.cidr.split(".", 3).join(".")),
    openPorts: group.rules.flatMap(({ protocol, portRange }) =>
      /^(tcp|all)$/.test(protocol) ? portsOf(portRange) : [],
    ),
    publicKey: pair?.publicKey,
    userData,
  };
  const instance: InstanceRecord = {
    id: order.id,
    order,
    status: "Pending",
    createdMs: state.clock.now(),
    isSpot,
    spotStrategy,
    tags: parameters.tags(),
    securityGroupId: group.id,
    keyPairName,
    vSwitchId: vSwitch.id,
    vpcId: vSwitch.vpcId,
    autoReleaseTime: releaseMs === undefined ? undefined : isoSeconds(releaseMs),
    isReclaimed: false,
    screenshotMs: Number.NEGATIVE_INFINITY,
    callOffs: [],
  };
  state.stock.take(kind.type, zone);
  state.instances.set(instance.id, instance);
  const later = (ms: number, work: () => void) => instance.callOffs.push(state.clock.after(ms, work));
  later(state.delays.startMs / 2, () => {
    instance.status = "Starting";
    instance.machine = state.instanceFactory?.(order);
    const stop = () => {
      instance.status = "Stopped";
    };
    // What cannot be started, and what has ended by itself, is there and stopped.
    instance.machine?.then(({ died }) => died?.then(stop)).catch(stop);
  });
  later(state.delays.startMs, () => {
    if (instance.status === "Starting") instance.status = "Running";
  });
  // The dead-man's switch.
  if (releaseMs !== undefined) later(releaseMs - state.clock.now(), () => void releaseInstance(state, instance.id));
  return { InstanceIdSets: { InstanceIdSet: [instance.id] } };
}

/** It is gone at once; what it used is held for a moment longer. */
export async function releaseInstance(state: EcsState, id: string): Promise<void> {
  const instance = state.instances.get(id);
  if (instance === undefined) return;
  state.instances.delete(id);
  for (const callOff of instance.callOffs) callOff();
  state.stock.giveBack(instance.order.kind.type, instance.order.zone);
  const untilMs = state.clock.now() + state.delays.releaseMs;
  for (const held of [instance.securityGroupId, instance.vSwitchId]) state.heldUntilMs.set(held, untilMs);
  const machine = await instance.machine?.catch(() => undefined);
  await machine?.stop();
}

function placeOf(state: EcsState, parameters: Parameters) {
  const vSwitch = state.vSwitches.get(parameters.get("VSwitchId") ?? "");
  if (vSwitch === undefined) return deny(404, "InvalidVSwitchId.NotFound", "The specified VSwitchId does not exist.");
  const zone = parameters.get("ZoneId") ?? vSwitch.zone;
  if (zone !== vSwitch.zone) deny(403, "ResourcesNotInSameZone", "The vSwitch is in another zone.");
  const group = state.securityGroups.get(parameters.get("SecurityGroupId") ?? "");
  if (group === undefined || !isVisible(state, group)) {
    return deny(404, "InvalidSecurityGroupId.NotFound", "The specified SecurityGroupId does not exist.");
  }
  if (group.vpcId !== vSwitch.vpcId) deny(403, "OperationDenied.InconsistentNetwork", "They are in different VPCs.");
  return { vSwitch, group, zone };
}

function userDataOf(parameters: Parameters): Uint8Array | undefined {
  const text = parameters.get("UserData");
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) deny(400, "InvalidParameter", "UserData is not base64.");
  if (bytes.length > mostUserDataBytes) deny(400, "InvalidUserData.SizeExceeded", "UserData is too long.");
  return bytes;
}

/** By the minute: seconds are dropped. */
function releaseTimeOf(state: EcsState, parameters: Parameters): number | undefined {
  const text = parameters.get("AutoReleaseTime");
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text.replace(/\d\dZ$/, "00Z")) : Number.NaN;
  if (!(ms >= state.clock.now() + leastReleaseMs)) {
    deny(400, "InvalidAutoReleaseTime.Malformed", "AutoReleaseTime must be at least half an hour ahead.");
  }
  return ms;
}

/** @param network its first three numbers. Public ones are for documentation (RFC 5737): `203.0.113` */
function newAddress(state: EcsState, network: string): string {
  const used = new Set(
    [...state.instances.values()].flatMap(({ order }) => [order.publicAddress, order.privateAddress]),
  );
  for (let host = 10; host < 250; host++) if (!used.has(`${network}.${host}`)) return `${network}.${host}`;
  return deny(400, "QuotaExceeded.PrivateIpAddress", "There are no addresses left.");
}
