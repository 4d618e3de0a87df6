import { createHash } from "node:crypto";
import { type Call, Denial, deny, denyNova, fieldsOf, listOf, type Operation, ok, page, textOf } from "./call.ts";
import { showJob, startJob } from "./jobs.ts";
import { createServers } from "./launch.ts";
import type { KeyPairRecord, ServerRecord } from "./records.ts";
import { flavorAnswer, serverDetail } from "./server-answers.ts";
import { endServer, inUse } from "./server-end.ts";
import { inRegion } from "./world.ts";

/** Elastic Cloud Server: v1, and Nova's v2.1. */
export const ecsOperations = {
  "ecs.CreatePostPaidServers": createServers,
  "ecs.ShowJob": showJob("ecs"),
  "ecs.ShowServer": (call) => ok({ server: serverDetail(call.world, serverOf(call, call.path["server_id"])) }),
  "ecs.ListServersDetails": ({ world, region, query }) => {
    const { clock, delays } = world;
    const name = query.get("name");
    const all = inRegion(world.servers.values(), region)
      .filter(({ createdMs }) => clock.now() >= createdMs + delays.unseenMs)
      .filter((server) => name === null || server.name.includes(name));
    const limit = Number(query.get("limit") ?? 25);
    const first = (Number(query.get("offset") ?? 1) - 1) * limit;
    const servers = all.slice(first, first + limit).map((server) => serverDetail(world, server));
    return ok({ count: all.length, servers });
  },
  "ecs.DeleteServers": (call) => {
    const { world, region, body } = call;
    const ids = listOf(body["servers"]).map((server) => textOf(fieldsOf(server)["id"]));
    if (ids.length === 0) deny("Ecs.0005", "servers is required.");
    const servers = ids.map((id) => serverOf(call, id));
    if (servers.some(({ status }) => status === "BUILD"))
      denyNova("conflictingRequest", "The server is being created.");
    const [withEip, withVolume] = [body["delete_publicip"] === true, body["delete_volume"] === true];
    const job = startJob(
      world,
      {
        service: "ecs",
        region,
        type: "deleteServer",
        takesMs: world.delays.terminateMs,
        serverIds: servers.map(({ id }) => id),
      },
      () => {
        for (const server of servers) void endServer(world, server, { withEip, withVolume });
        return undefined;
      },
    );
    return ok({ job_id: job.id });
  },
  "ecs.ListFlavors": ({ world, region, query }) => {
    const zone = query.get("availability_zone");
    const flavors = (world.flavors.get(region) ?? []).filter(({ zones }) => zone === null || zones.has(zone));
    return ok({ flavors: flavors.map(flavorAnswer) });
  },
  "ecs.ShowServerLimits": ({ world, region }) => {
    const { instances, cores } = inUse(world, region);
    const { quotas } = world;
    return ok({
      absolute: {
        maxImageMeta: 128,
        maxPersonality: 5,
        maxPersonalitySize: 1024,
        maxSecurityGroupRules: 50,
        maxSecurityGroups: quotas.securityGroups,
        maxServerGroupMembers: 16,
        maxServerGroups: 10,
        maxServerMeta: 128,
        maxTotalCores: quotas.cores,
        maxTotalFloatingIps: quotas.addresses,
        maxTotalInstances: quotas.instances,
        maxTotalKeypairs: -1,
        maxTotalRAMSize: 1 << 20,
        totalCoresUsed: cores,
        totalFloatingIpsUsed: inRegion(world.eips.values(), region).length,
        totalInstancesUsed: instances,
        totalRAMUsed: 0,
        totalSecurityGroupsUsed: inRegion(world.securityGroups.values(), region).length,
        totalServerGroupsUsed: 0,
      },
    });
  },
  "ecs.NovaCreateKeypair": ({ world, region, body }) => {
    const wanted = fieldsOf(body["keypair"]);
    const [name, publicKey] = [textOf(wanted["name"]) ?? "", textOf(wanted["public_key"]) ?? ""];
    if (!/^[\w-]{1,64}$/.test(name)) denyNova("badRequest", "Keypair data is invalid: the name has unsafe characters");
    if (!/^(ssh-(rsa|ed25519)|ecdsa-sha2-\S+) \S+/.test(publicKey))
      denyNova("badRequest", "Keypair data is invalid: failed to generate fingerprint");
    if (inRegion(world.keyPairs, region).some((pair) => pair.name === name))
      denyNova("conflictingRequest", `Key pair '${name}' already exists.`);
    const pair = { region, name, publicKey, createdMs: world.clock.now() };
    world.keyPairs.push(pair);
    const { accountId } = world.account;
    return ok({ keypair: { ...simpleKeyPair(pair), user_id: accountId, private_key: "" } });
  },
  "ecs.NovaListKeypairs": ({ world, region, query }) => {
    const pairs = page(inRegion(world.keyPairs, region), query, ({ name }) => name, 1000);
    return ok({ keypairs: pairs.map((pair) => ({ keypair: simpleKeyPair(pair) })) });
  },
  "ecs.NovaShowKeypair": (call) => {
    const pair = keyPairOf(call);
    const at = new Date(pair.createdMs).toISOString().replace("Z", "000");
    const times = { created_at: at, updated_at: null, deleted_at: null, deleted: false };
    return ok({ keypair: { ...simpleKeyPair(pair), ...times, id: 1, user_id: call.world.account.accountId } });
  },
  "ecs.NovaDeleteKeypair": (call) => {
    const { keyPairs } = call.world;
    keyPairs.splice(keyPairs.indexOf(keyPairOf(call)), 1);
    return { status: 202 };
  },
  "ecs.NovaGetConsoleOutput": async (call) => {
    const server = serverOf(call, call.path["server_id"]);
    if (call.world.console !== "nova") denyNova("itemNotFound", "The resource could not be found.");
    const wanted = fieldsOf(call.body["os-getConsoleOutput"]);
    return ok({ output: lastLines(await consoleOf(call, server), Number(wanted["length"] ?? -1)) });
  },
  "ecs.ShowServerConsoleOutput": async (call) => {
    const server = serverOf(call, call.path["server_id"]);
    if (call.world.console !== "v1")
      throw new Denial(404, {
        error_code: "APIGW.0101",
        error_msg: "The API does not exist or has not been published in the environment",
      });
    return ok({ output: lastLines(await consoleOf(call, server), Number(call.query.get("length") ?? 50)) });
  },
} as const satisfies Record<string, Operation>;

function serverOf({ world, region }: Call, id: string | undefined): ServerRecord {
  const server = world.servers.get(id ?? "");
  const { clock, delays } = world;
  if (server === undefined || server.region !== region || clock.now() < server.createdMs + delays.unseenMs)
    deny("Ecs.0114", "The instance does not exist.", 404);
  return server;
}

function keyPairOf({ world, region, path }: Call): KeyPairRecord {
  const name = path["keypair_name"];
  const pair = inRegion(world.keyPairs, region).find((known) => known.name === name);
  return pair ?? denyNova("itemNotFound", `Keypair ${name} not found for user ${world.account.accountId}`);
}

function simpleKeyPair({ name, publicKey }: KeyPairRecord) {
  const hex = createHash("md5")
    .update(Buffer.from(publicKey.split(" ")[1] ?? "", "base64"))
    .digest("hex");
  return { name, public_key: publicKey, fingerprint: hex.replace(/(..)(?!$)/g, "$1:"), type: "ssh" };
}

async function consoleOf({ world }: Call, server: ServerRecord): Promise<string> {
  const machine = await world.machines.get(server.id)?.catch(() => undefined);
  return machine === undefined ? `${server.name} login: \n` : await machine.console();
}

function lastLines(text: string, count: number): string {
  return count < 0 ? text : text.split("\n").slice(-count).join("\n");
}
