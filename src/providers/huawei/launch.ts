import { createHash } from "node:crypto";
import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { InstanceRequest, InstanceState, Offer } from "../cloud.ts";
import { onceKnown } from "../fresh.ts";
import type { HuaweiClient } from "./client.ts";
import { listImages } from "./image-list.ts";
import { waitForJob } from "./jobs.ts";
import { listAll, type Made, nameOfRun, prepareKeyPair, prepareNetwork, prepareSecurityGroup } from "./network.ts";
import { removeServer } from "./remove.ts";
import { instanceState, showServer } from "./servers.ts";
import { wireTags } from "./tags.ts";
import { HuaweiError, JobFailure } from "./vendor-error.ts";

const GiB = 1024 ** 3;
const mostLaunchMs = 15 * 60_000;
/** A system disk is not smaller. */
const leastDiskGiB = 10;
export const leastEndMs = 30 * 60_000;
/** Which of these a zone has, no API of ECS says; another one is tried when one is sold out. */
const volumeTypes = ["GPSSD", "SAS", "SSD"] as const;

/**
 * ECS v1, `POST /v1/{project_id}/cloudservers`, with an address of its own that ends with it.
 *
 * Errors: `cloud/sold-out`, of the request or of its job; `cloud/launch-failed`; `HuaweiError`.
 */
export async function launch(
  client: HuaweiClient,
  request: InstanceRequest,
  offer: Offer,
  made: Made,
  context: Context,
): Promise<InstanceState> {
  const name = nameOfRun(request.tags["cloudimg:run"]);
  const [image] = await listImages(client, { id: request.imageId }, context);
  const { vpcId, subnetId } = await prepareNetwork(client, name, made, context);
  const groupId = await prepareSecurityGroup(client, { name, ports: request.openPorts }, made, context);
  const keyName = await prepareKeyPair(client, { name, publicKeyLine: request.publicKeyLine }, made, context);
  const sizeGiB = Math.max(leastDiskGiB, image?.min_disk ?? 0, Math.ceil(request.diskSizeBytes / GiB));
  const server = {
    name: request.name,
    imageRef: request.imageId,
    flavorRef: offer.instanceType,
    availability_zone: offer.zone,
    vpcid: vpcId,
    nics: [{ subnet_id: subnetId }],
    security_groups: [{ id: groupId }],
    key_name: keyName,
    ...(request.userData !== undefined && { user_data: Buffer.from(request.userData).toString("base64") }),
    publicip: {
      eip: { iptype: "5_bgp", bandwidth: { size: 5, sharetype: "PER", chargemode: "traffic" } },
      // Else it stays, and is billed.
      delete_on_termination: true,
    },
    // Without a price of ours, a spot instance costs at most what one of the other kind does.
    extendparam: { chargingMode: 0, ...(offer.isSpot && { marketType: "spot" }) },
    auto_terminate_time: terminateTime(request.endsAtMs, client.connection.now()),
    server_tags: wireTags(request.tags),
  };
  for (const [at, volumetype] of volumeTypes.entries()) {
    const whole = { ...server, root_volume: { volumetype, size: sizeGiB } };
    try {
      return await start(client, request, whole, made, context);
    } catch (error) {
      const isDisk = error instanceof HuaweiError && error.vendorCode === "Ecs.0044";
      if (!isDisk || at === volumeTypes.length - 1) throw error;
    }
  }
  throw new TypeError("unreachable");
}

async function start(
  client: HuaweiClient,
  request: InstanceRequest,
  server: object & { readonly flavorRef: string; readonly availability_zone: string },
  made: Made,
  context: Context,
): Promise<InstanceState> {
  const { region } = client;
  const { name } = request;
  const what = `launch an instance of ${server.flavorRef} in ${server.availability_zone}`;
  const run = request.tags["cloudimg:run"];
  // The same token with another request is refused, so each offer has one of its own; the time at which it ends may differ.
  const { auto_terminate_time: _, ...same } = server as { auto_terminate_time?: string };
  const token = createHash("sha256").update(request.token).update(JSON.stringify(same)).digest("hex").slice(0, 32);
  const call = { what, token, body: { server } };
  const answer = await onceKnown(client.connection, context, () =>
    client.call<{ job_id: string; serverIds?: string[] }>("ecs.CreatePostPaidServers", call, context),
  );
  const wait = { service: "ecs", id: answer.job_id, what, mostMs: mostLaunchMs } as const;
  const job = await waitForJob(client, wait, context).catch(async (error: unknown) => {
    // A job that failed leaves what it had begun, and our caller takes a no for nothing being there: so it is told of the instance only when there is one.
    if (error instanceof JobFailure) for (const id of answer.serverIds ?? []) await removeServer(client, id, context);
    throw error;
  });
  const id = answer.serverIds?.[0] ?? job.entities?.sub_jobs?.[0]?.entities?.server_id;
  const shown = id === undefined ? undefined : await showServer(client, id, context);
  if (id === undefined || shown === undefined)
    fail("cloud/launch-failed", `cannot ${what}: it was made, and has vanished`);
  await made({ kind: "instance", id, region, name, run });
  const state = instanceState(shown, request.tags);
  await tellAddresses(client, state, { name, run }, made, context);
  return state;
}

/** It goes with the instance; but if that were ended by other means than ours, it would stay. */
async function tellAddresses(
  client: HuaweiClient,
  { publicAddresses }: InstanceState,
  told: { name: string; run: string },
  made: Made,
  context: Context,
): Promise<void> {
  const list = { key: "publicips", what: "list the public addresses" };
  const addresses = await listAll<{ id: string; public_ip_address?: string }>(
    client,
    "eip.ListPublicips",
    list,
    context,
  );
  for (const { id, public_ip_address = "" } of addresses)
    if (publicAddresses.includes(public_ip_address))
      await made({ kind: "address", id, region: client.region, ...told });
}

/** `2026-11-21T18:00:00Z`: seconds are cut off there, and what is less than half an hour ahead is refused. */
function terminateTime(endsAtMs: number, nowMs: number): string {
  const timeMs = Math.ceil(Math.max(endsAtMs, nowMs + leastEndMs + 60_000) / 60_000) * 60_000;
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}
