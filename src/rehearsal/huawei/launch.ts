import { portsOf } from "../emulated-cloud.ts";
import { type Answer, type Call, deny, type Fields, fieldsOf, listOf, ok, textOf } from "./call.ts";
import { checkedTag } from "./import-image.ts";
import { startJob } from "./jobs.ts";
import type { EipRecord, JobRecord, ServerRecord } from "./records.ts";
import { endServer, inUse } from "./server-end.ts";
import { type HuaweiWorld, inRegion } from "./world.ts";

const minuteMs = 60_000;
const leastEndMs = 30 * minuteMs;
const mostUserDataBytes = 32 * 1024;
const volumeTypes = ["SATA", "SAS", "SSD", "GPSSD", "ESSD", "GPSSD2", "ESSD2"];

/** `POST /v1/{project_id}/cloudservers` */
export function createServers(call: Call): Answer {
  const { world, region, body, token, text } = call;
  const done = world.launches.get(token ?? "");
  if (done !== undefined)
    return done.body === text ? ok(done.answer) : deny("Ecs.0005", "The client token was used with another request.");
  const wanted = fieldsOf(body["server"]);
  const order = checkOrder(call, wanted);
  if (body["dry_run"] === true) return { status: 202 };
  const now = world.clock.now();
  const rootVolume = fieldsOf(wanted["root_volume"]);
  const volume = { id: world.newId(), region, sizeGib: order.diskGib, type: String(rootVolume["volumetype"]) };
  world.volumes.set(volume.id, volume);
  const server: ServerRecord = {
    ...order,
    id: world.newId(),
    region,
    status: "BUILD",
    fault: undefined,
    createdMs: now,
    launchedMs: undefined,
    privateAddress: `192.168.0.${10 + (world.servers.size % 200)}`,
    eipId: undefined,
    volumeId: volume.id,
  };
  world.servers.set(server.id, server);
  if (server.terminatesMs !== undefined)
    world.clock.after(
      server.terminatesMs - now,
      () => void endServer(world, server, { withEip: false, withVolume: true }),
    );
  const eip = fieldsOf(fieldsOf(wanted["publicip"])["eip"]);
  const bandwidth = fieldsOf(eip["bandwidth"]);
  const endsWithServer = fieldsOf(wanted["publicip"])["delete_on_termination"] === true;
  const address =
    textOf(eip["iptype"]) === undefined ? undefined : { sizeMbit: Number(bandwidth["size"] ?? 1), endsWithServer };
  const serverIds = [server.id];
  const job = startJob(
    world,
    { service: "ecs", region, type: "createServer", takesMs: world.delays.launchMs, serverIds },
    () => start(world, server, address),
  );
  const answer = { job_id: job.id, serverIds };
  if (token !== undefined) world.launches.set(token, { body: text, answer });
  return ok(answer);
}

type Order = Pick<
  ServerRecord,
  | "name"
  | "imageId"
  | "flavorId"
  | "zone"
  | "vpcId"
  | "subnetId"
  | "securityGroupIds"
  | "keyName"
  | "userData"
  | "tags"
  | "isSpot"
  | "diskGib"
  | "terminatesMs"
>;

function checkOrder({ world, region }: Call, wanted: Fields): Order {
  const text = (name: string) => textOf(wanted[name]) ?? "";
  const name = text("name");
  if (!/^[\p{L}\p{Nd}_.-]{1,128}$/u.test(name)) deny("Ecs.0005", "The name is not valid.");
  const image = world.images.get(text("imageRef"));
  if (image === undefined || image.region !== region) deny("Ecs.0031", "The image does not exist.");
  if (image.status !== "active") deny("Ecs.0032", "The image is not active.");
  const flavor = world.flavors.get(region)?.find(({ id }) => id === text("flavorRef"));
  if (flavor === undefined) deny("Ecs.0025", "The flavor does not exist.");
  if (flavor.isArm !== (image.architecture === "arm")) deny("Ecs.0005", "The image does not suit the flavor.");
  const isSpot = fieldsOf(wanted["extendparam"])["marketType"] === "spot";
  const zone = text("availability_zone");
  const status = (isSpot ? flavor.spotZones : flavor.zones).get(zone);
  if (status !== "normal") deny("Ecs.0319", "The flavor is sold out in that zone.");
  const volume = fieldsOf(wanted["root_volume"]);
  const diskGib = Number(volume["size"] ?? 40);
  if (!volumeTypes.includes(String(volume["volumetype"]))) deny("Ecs.0005", "The volume type is not valid.");
  if (diskGib < image.minDiskGib || diskGib > 1024)
    deny("Ecs.0005", "The system disk is smaller than the image's min_disk.");
  const subnetId = textOf(fieldsOf(listOf(wanted["nics"])[0])["subnet_id"]) ?? "";
  const vpcId = text("vpcid");
  if (world.subnets.get(subnetId)?.vpcId !== vpcId) deny("Ecs.0005", "The subnet is not in that VPC.");
  const securityGroupIds = listOf(wanted["security_groups"]).map((group) => String(fieldsOf(group)["id"]));
  if (securityGroupIds.some((id) => world.securityGroups.get(id)?.region !== region))
    deny("Ecs.0005", "No such security group.");
  const keyName = text("key_name");
  if (keyName !== "" && !inRegion(world.keyPairs, region).some((pair) => pair.name === keyName))
    deny("Ecs.0005", "The key pair does not exist.");
  const userData = text("user_data");
  if (Buffer.from(userData, "base64").length > mostUserDataBytes)
    deny("Ecs.0005", "The user data is larger than 32 KB.");
  const used = inUse(world, region);
  if (used.instances >= world.quotas.instances) deny("Ecs.0001", "The quota of instances is used up.");
  if (used.cores + flavor.vcpus > world.quotas.cores) deny("Ecs.0013", "The quota of vCPUs is used up.");
  const tags = new Map(listOf(wanted["server_tags"]).map((tag) => checkedTag(fieldsOf(tag), "Ecs.0005")));
  const terminatesMs = endOf(text("auto_terminate_time"), world.clock.now());
  return {
    ...{ name, imageId: image.id, flavorId: flavor.id, zone, vpcId, subnetId, securityGroupIds },
    ...{ keyName, userData, tags, isSpot, diskGib, terminatesMs },
  };
}

/** Seconds are cut off. */
function endOf(time: string, nowMs: number): number | undefined {
  if (time === "") return undefined;
  const parsed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(time) ? Date.parse(time) : Number.NaN;
  const endMs = Math.floor(parsed / minuteMs) * minuteMs;
  if (Number.isNaN(endMs) || endMs - nowMs < leastEndMs)
    deny("Ecs.0005", "auto_terminate_time must be half an hour ahead.");
  return endMs;
}

function start(
  world: HuaweiWorld,
  server: ServerRecord,
  address: Pick<EipRecord, "sizeMbit" | "endsWithServer"> | undefined,
): JobRecord["failure"] {
  const { region, zone } = server;
  if (!world.servers.has(server.id)) return { code: "Ecs.0114", reason: "The server was deleted." };
  const flavor = world.flavors.get(region)?.find(({ id }) => id === server.flavorId);
  const image = world.images.get(server.imageId);
  if (flavor === undefined || image === undefined || flavor.emptyZones.has(zone)) {
    // What was begun stays, and is billed, until somebody deletes it.
    server.status = "ERROR";
    server.fault = "No valid host was found.";
    return { code: "Ecs.0319", reason: "No valid host was found. There are not enough hosts available." };
  }
  if (address !== undefined) {
    const eips = inRegion(world.eips.values(), region);
    if (eips.length >= world.quotas.addresses) {
      server.status = "ERROR";
      server.fault = "The quota of public addresses is used up.";
      return { code: "Ecs.0021", reason: server.fault };
    }
    // TEST-NET-3 (RFC 5737).
    const last = [...Array(254).keys()]
      .map((at) => `203.0.113.${at + 1}`)
      .find((free) => !eips.some((eip) => eip.address === free));
    const bandwidthName = `${server.name}-bandwidth-${server.id.slice(0, 4)}`;
    const eip = { ...address, id: world.newId(), region, address: last ?? "", bandwidthName, serverId: server.id };
    world.eips.set(eip.id, { ...eip, createdMs: world.clock.now() });
    server.eipId = eip.id;
  }
  server.status = "ACTIVE";
  server.launchedMs = world.clock.now();
  const publicKey = inRegion(world.keyPairs, region).find(({ name }) => name === server.keyName)?.publicKey;
  const rules = server.securityGroupIds.flatMap((id) => world.securityGroups.get(id)?.rules ?? []);
  const openPorts = rules.flatMap(({ direction, protocol, min, max, prefix }) =>
    direction === "ingress" && prefix !== null && (protocol === null || protocol === "tcp")
      ? portsOf(min === null ? "all" : `${min}-${max ?? min}`)
      : [],
  );
  const publicAddress = world.eips.get(server.eipId ?? "")?.address;
  const machine = world.instanceFactory?.({ server, image, flavor, publicAddress, openPorts, publicKey });
  if (machine !== undefined) {
    const stop = () => {
      server.status = "SHUTOFF";
    };
    machine
      .then(({ died }) => died?.then(stop))
      .catch((error: unknown) => {
        server.status = "ERROR";
        server.fault = String(error);
      });
    world.machines.set(server.id, machine);
  }
  return undefined;
}
