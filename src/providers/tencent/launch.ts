import { createHash } from "node:crypto";
import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { InstanceRequest, InstanceState, Offer } from "../cloud.ts";
import { onceKnown } from "../fresh.ts";
import { instanceBody } from "./instance-body.ts";
import { findInstances } from "./instance-search.ts";
import { keyPairFor, type Made, securityGroupFor, subnetOf } from "./network.ts";
import type { Settings } from "./settings.ts";
import { toVendorTags } from "./tags.ts";
import { userDataWith } from "./user-data.ts";

/** `ActionTimer.ActionTime` has to be more than five minutes ahead; a little more, for the request takes its time. */
export const leastEndMs = 6 * 60_000;

/** `RunInstances`, with what it needs. An instance of the same name and run that an earlier try has made is taken instead. */
export async function launchInstance(
  settings: Settings,
  request: InstanceRequest,
  offer: Offer,
  made: Made,
  context: Context,
): Promise<InstanceState> {
  const { api, region } = settings;
  const what = `launch the instance ${request.name}`;
  const userData = userDataWith(request.userData, request.publicKeyLine);
  const timer = deadMansSwitch(settings, request, what);
  const earlier = await earlierInstance(settings, request, context);
  if (earlier !== undefined) {
    await made({ kind: "instance", id: earlier.id, region, name: request.name });
    return earlier;
  }
  const network = await subnetOf(settings, offer.zone, context);
  const securityGroup = await securityGroupFor(settings, request, made, context);
  const keyPair = await keyPairFor(settings, request, made, context);
  const body = {
    ...instanceBody(request, offer),
    VirtualPrivateCloud: network,
    SecurityGroupIds: [securityGroup],
    LoginSettings: keyPair === undefined ? { KeepImageLogin: "TRUE" } : { KeyIds: [keyPair] },
    ActionTimer: timer,
    ClientToken: tokenOf(request, offer),
    TagSpecification: [{ ResourceType: "instance", Tags: toVendorTags(request.tags) }],
    ...(userData === undefined ? {} : { UserData: Buffer.from(userData).toString("base64") }),
  };
  const launch = () => api("cvm", "RunInstances", body, { what, context });
  const { InstanceIdSet } = await onceKnown(settings.connection, context, launch);
  const id = InstanceIdSet?.[0];
  if (id === undefined) fail("cloud/launch-failed", `cannot ${what}: Tencent Cloud names no instance`);
  await made({ kind: "instance", id, region, name: request.name });
  const { tags } = request;
  return { id, state: "pending", publicAddresses: [], privateAddresses: [], tags };
}

/** Whatever becomes of us, Tencent ends the instance then. Seconds, in UTC. */
function deadMansSwitch({ connection }: Settings, { endsAtMs }: InstanceRequest, what: string) {
  if (endsAtMs < connection.now() + leastEndMs - 30_000)
    fail("cloud/refused", `cannot ${what}: it would have to end within ${leastEndMs / 60_000} minutes`, {
      hint: "let it run longer",
    });
  return { TimerAction: "TerminateInstances", ActionTime: `${new Date(endsAtMs).toISOString().slice(0, 19)}Z` };
}

/** 64 characters at most, and another one for each offer: a token stands for one request, whatever came of it. */
function tokenOf({ token, name }: InstanceRequest, { zone, instanceType, isSpot }: Offer): string {
  return createHash("sha256")
    .update(JSON.stringify([token, name, zone, instanceType, isSpot]))
    .digest("hex");
}

async function earlierInstance(settings: Settings, { name, tags }: InstanceRequest, context: Context) {
  const found = await findInstances(settings, { name, tags }, context);
  return found.find(({ state }) => state === "pending" || state === "running");
}
