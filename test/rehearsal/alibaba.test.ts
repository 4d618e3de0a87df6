import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadClient } from "../../src/providers/alibaba/client.ts";
import { httpAgent } from "../../src/providers/direct-connection.ts";
import { ecsActions } from "../../src/rehearsal/alibaba/actions.ts";
import { readImageFile } from "../../src/rehearsal/alibaba/image-file.ts";
import { temporaryDirectory } from "../machine/support.ts";
import { availableImage, importRequest, makeWorld, region, type World } from "../providers/alibaba/world.ts";
import { alibabaContract, contractSuite } from "./contracts.ts";

const sdkOf = async ({ credentials, connection, context }: World) =>
  await loadClient({ region, credentials, agent: httpAgent(connection), now: connection.now, signal: context.signal });

test("only images that are available are told of, unless a status is asked for", async () => {
  const world = await makeWorld();
  await world.cloud.images.import(importRequest(), world.context);
  world.clock.advance(5000);
  const { client, sdk } = await sdkOf(world);
  const count = async (status?: string) => {
    const request = new sdk.DescribeImagesRequest({ regionId: region, status });
    return (await client.describeImages(request)).body?.totalCount;
  };
  expect(await count()).toBe(0);
  expect(await count("Creating")).toBe(1);
  world.clock.advance(60_000);
  await new Promise(setImmediate);
  expect(await count()).toBe(1);
});

test("a request that is sent twice is refused", async () => {
  const world = await makeWorld();
  await world.cloud.images.find({}, world.context);
  const [call] = world.ecs.calls();
  const query = new URLSearchParams([...(call?.parameters ?? [])]).toString();
  const response = await fetch(`http://127.0.0.1:${world.server.port}/?${query}`, {
    method: "POST",
    headers: Object.fromEntries((call?.headers ?? []).filter(([name]) => /^(x-acs-|authorization|accept)/i.test(name))),
  });
  // Another host: the signature covers it.
  expect(await response.json()).toMatchObject({ Code: "SignatureDoesNotMatch" });
  const again = await world.ecs.handler(
    {
      method: "POST",
      path: "/",
      query,
      host: "ecs-cn-hangzhou.aliyuncs.com",
      headers: call?.headers ?? [],
      body: Buffer.alloc(0),
    },
    world.context.signal,
  );
  expect(JSON.parse(String(again === "drop" ? "" : again.body))).toMatchObject({ Code: "SignatureNonceUsed" });
});

test("something new is not found for a moment", async () => {
  const world = await makeWorld();
  const handle = await world.cloud.images.import(importRequest(), world.context);
  expect(await world.cloud.images.find({ handle }, world.context)).toEqual([]);
  world.clock.advance(1000);
  expect(await world.cloud.images.find({ handle }, world.context)).toHaveLength(1);
});

test("a client token for another order is refused", async () => {
  const world = await makeWorld();
  await availableImage(world);
  await expect(world.cloud.images.import(importRequest({ name: "other" }), world.context)).rejects.toThrow(
    "IdempotentParameterMismatch",
  );
});

test("imports look at the file itself", async () => {
  const directory = temporaryDirectory();
  const file = (name: string, head: Buffer, size: number, foot = Buffer.alloc(0)) => {
    const path = join(directory, name);
    writeFileSync(path, head);
    truncateSync(path, size - foot.length);
    writeFileSync(path, Buffer.concat([readFileSync(path), foot]));
    return path;
  };
  const qcow2 = Buffer.alloc(104);
  qcow2.write("QFI\xfb", "latin1");
  qcow2.writeBigUInt64BE(7n << 30n, 24);
  expect(await readImageFile(file("a", qcow2, 70_000))).toEqual({ format: "QCOW2", virtualSizeBytes: 7 * 1024 ** 3 });
  qcow2.writeBigUInt64BE(1n, 8);
  expect(await readImageFile(file("b", qcow2, 70_000))).toHaveProperty("problem.code", "InvalidImageFormat.Malformed");
  const foot = Buffer.alloc(512);
  foot.write("conectix", "latin1");
  foot.writeBigUInt64BE(1n << 20n, 48);
  expect(await readImageFile(file("c", Buffer.alloc(0), 66_000, foot))).toEqual({
    format: "VHD",
    virtualSizeBytes: 1 << 20,
  });
  const disk = Buffer.alloc(512);
  expect(await readImageFile(file("d", disk, 66_048))).toHaveProperty(
    "problem.message",
    "The image has no partition table.",
  );
  disk.writeUInt16LE(0xaa55, 510);
  expect(await readImageFile(file("e", disk, 66_048))).toEqual({ format: "RAW", virtualSizeBytes: 66_048 });
  expect(await readImageFile(file("f", Buffer.alloc(3), 3))).toHaveProperty("problem");
});

contractSuite("the definition of the API", () => {
  test("has every action that the rehearsal has", () => {
    const known = Object.keys(alibabaContract().actions);
    expect(Object.keys(ecsActions).filter((action) => !known.includes(action))).toEqual([]);
  });

  test("has each error under the status that the rehearsal gives it", () => {
    const directory = new URL("../../src/rehearsal/alibaba/", import.meta.url);
    const contract = alibabaContract();
    const statuses = new Map<string, Set<number>>();
    for (const { errors } of Object.values(contract.actions)) {
      for (const [code, status] of Object.entries(errors ?? {})) {
        statuses.set(code, (statuses.get(code) ?? new Set()).add(status));
      }
    }
    const files = [
      "image-actions",
      "import-image",
      "instance-actions",
      "market-actions",
      "network-actions",
      "run-instances",
      "task-actions",
    ];
    const text = files.map((name) => readFileSync(new URL(`${name}.ts`, directory), "utf8")).join("\n");
    const given = [...text.matchAll(/deny\(\s*(\d+),\s*"([^"]+)"/g)].map(
      ([, status, code]) => [code as string, Number(status)] as const,
    );
    expect(given.length).toBeGreaterThan(40);
    const wrong = given.filter(([code, status]) => statuses.has(code) && !statuses.get(code)?.has(status));
    expect(wrong).toEqual([]);
  });
});
