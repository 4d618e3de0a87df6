import { request as httpRequest } from "node:http";
import { afterEach, expect, test } from "vitest";
import { makeClient } from "../../src/providers/huawei/client.ts";
import { encodePath, signHeaders } from "../../src/providers/huawei/sign.ts";
import { credentialsOf, temporaryKey } from "../../src/rehearsal/accounts.ts";
import { importRequest, type Run, type RunOptions, region, rehearse, settle } from "../providers/huawei/huawei-run.ts";

const runs: Run[] = [];
afterEach(async () => {
  for (const { close, clock, server } of runs.splice(0)) {
    await close();
    clock.close();
    expect(server.defects()).toEqual([]);
  }
});

async function begin(options?: RunOptions): Promise<Run> {
  const run = await rehearse(options);
  runs.push(run);
  return run;
}

/** A request by hand: what is signed may be another than what is sent. */
async function ask(
  run: Run,
  {
    signed = "",
    sent = signed,
    path = "/v2/cloudimages",
    nowMs = run.clock.now(),
    project,
  }: {
    signed?: string;
    sent?: string;
    path?: string;
    nowMs?: number;
    project?: string;
  } = {},
): Promise<{ status: number; body: { error_code?: string; error_msg?: string } }> {
  const host = "ims.cn-north-4.myhuaweicloud.com";
  const method = signed === "" && sent === "" ? "GET" : "POST";
  const headers = { "content-type": "application/json", "x-project-id": project ?? run.account.projectIn(region) };
  const all = signHeaders(
    { method, host, path, query: [], headers, body: signed },
    credentialsOf(run.account, region),
    nowMs,
  );
  return await new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      host: "127.0.0.1",
      port: run.server.port,
      method,
      path: encodePath(path),
      headers: { ...all, host, connection: "close" },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) }));
    });
    outgoing.end(sent);
  });
}

test("a right signature is let in, anything else is not", async () => {
  const run = await begin();
  expect((await ask(run)).status).toBe(200);
  expect(await ask(run, { path: "/v2/cloudimages/action", signed: "{}", sent: '{"name":"x"}' })).toMatchObject({
    status: 401,
    body: { error_code: "APIGW.0301", error_msg: expect.stringContaining("verify aksk signature fail") },
  });
  for (const skewMs of [-16 * 60_000, 16 * 60_000])
    expect(await ask(run, { nowMs: run.clock.now() + skewMs })).toMatchObject({
      status: 401,
      body: { error_msg: expect.stringContaining("expired") },
    });
  expect((await ask(run, { project: "another" })).status).toBe(403);
  expect(await ask(run, { path: "/v9/nothing" })).toMatchObject({ status: 404, body: { error_code: "APIGW.0101" } });
});

test("temporary keys need their token, and end", async () => {
  const run = await begin();
  const key = temporaryKey("huawei", run.clock.now() + 60_000, "seed");
  run.keys.add(key);
  const call = async (sessionToken: string | undefined) => {
    const credentials = { ...credentialsOf(run.account, region, key), sessionToken, secretAccessKey: key.secret };
    const client = makeClient({ credentials, connection: run.connection, region });
    return await client.call<object>("vpc.ListVpcs", { what: "list the networks" }, run.context);
  };
  expect(await call(key.sessionToken)).toHaveProperty("vpcs");
  await expect(call(undefined)).rejects.toMatchObject({ code: "cloud/credentials" });
  // The host's own time counts as well, by which SDKs sign; it has not moved, but the key's end is past for both.
  run.keys.add({ ...key, expiresAtMs: 0 });
  await expect(call(key.sessionToken)).rejects.toThrow(/expired/);
});

test("a launch is one by its token: another request with the same is refused", async () => {
  const run = await begin();
  const client = makeClient({ credentials: credentialsOf(run.account, region), connection: run.connection, region });
  const image = await settle(run, await run.cloud.images.import(importRequest, run.context));
  const [subnet] = [...run.world.subnets.values()].filter((record) => record.region === region);
  const launch = async (name: string) => {
    const place = { vpcid: subnet?.vpcId, nics: [{ subnet_id: subnet?.id }], availability_zone: "cn-north-4a" };
    const volume = { volumetype: "SSD", size: 10 };
    const server = { name, imageRef: image.id, flavorRef: "s6.medium.2", root_volume: volume, ...place };
    const call = { what: "launch", token: "t", body: { server } };
    return await client.call<{ serverIds: string[] }>("ecs.CreatePostPaidServers", call, run.context);
  };
  expect(await launch("one")).toEqual(await launch("one"));
  await expect(launch("two")).rejects.toMatchObject({ vendorCode: "Ecs.0005" });
  expect(run.world.servers.size).toBe(1);
});

test("each region has its own things", async () => {
  const run = await begin();
  const list = async (name: string) => {
    const client = makeClient({
      credentials: credentialsOf(run.account, region),
      connection: run.connection,
      region: name,
    });
    const { vpcs } = await client.call<{ vpcs: { id: string }[] }>("vpc.ListVpcs", { what: "list" }, run.context);
    return vpcs.map(({ id }) => id);
  };
  const [one, other] = [await list(region), await list("cn-east-3")];
  expect(one).toHaveLength(1);
  expect(one).not.toEqual(other);
  await expect(list("nowhere-1")).rejects.toThrow();
});
