import { afterEach, expect } from "vitest";
import type { ImportRequest, InstanceRequest, Resource } from "../../src/providers/cloud.ts";
import type { Connection } from "../../src/providers/connection.ts";
import { type TencentOptions, tencentCloud } from "../../src/providers/tencent/cloud.ts";
import { credentialsOf, makeAccount, makeKeyRing } from "../../src/rehearsal/accounts.ts";
import { makeClock } from "../../src/rehearsal/clock.ts";
import { startHttpServer, type WireServer } from "../../src/rehearsal/http-server.ts";
import { type CallObserver, isTencentApi, tencentApi } from "../../src/rehearsal/tencent/service.ts";
import { makeTencentWorld, type TencentWorldOptions } from "../../src/rehearsal/tencent/world.ts";
import { testContext } from "../machine/support.ts";
import { checkRequest, checkResponse, haveContracts } from "./contracts.ts";

export type Call = Parameters<CallObserver>[0];

const servers: WireServer[] = [];
const seen: Call[] = [];

/** What is wrong with a call by the contract, in both directions. Errors that a test asked for are its own business. */
function contractProblems({ service, action, request, response }: Call): string[] {
  const name = `${service}.${action}`;
  const error = response["Error"] as { readonly Message?: string } | undefined;
  const isTold = error?.Message === "as the rehearsal was told";
  // With a fault or a wrong signature nothing of the request was read.
  const asked = error === undefined ? checkRequest("tencent", name, request) : [];
  const answered = isTold ? [] : checkResponse("tencent", name, { Response: response });
  return [...asked, ...answered].map((problem) => `${name}: ${problem}`);
}

afterEach(async () => {
  const calls = seen.splice(0);
  for (const server of servers.splice(0)) {
    const defects = server.defects();
    await server.close();
    if (defects.length > 0) throw defects[0];
  }
  if (haveContracts) expect([...new Set(calls.flatMap(contractProblems))]).toEqual([]);
});

export const rsaLine = `ssh-rsa ${Buffer.from("\0\0\0\x07ssh-rsa made up").toString("base64")} cloudimg-run`;
export const tags = { "cloudimg:run": "run-1", "cloudimg:image": "abc" } as const;

/**
 * The provider, with the vendor's SDK, against the emulator over HTTP. Time moves only when somebody sleeps, or the test says so.
 */
export async function rehearse(
  more: Partial<TencentWorldOptions> = {},
  options: Partial<Omit<TencentOptions, "connection">> = {},
) {
  const account = makeAccount("tencent", "test");
  const keys = makeKeyRing([account.key]);
  const clock = makeClock({ speed: 0, leaps: true });
  const world = makeTencentWorld({ account, keys, clock, ...more });
  const calls: Call[] = [];
  const context = testContext();
  const server = await startHttpServer(
    tencentApi(world, (call) => {
      calls.push(call);
      seen.push(call);
    }),
    {},
    context.signal,
  );
  servers.push(server);
  const connection: Connection = {
    resolve: (host) => ({ protocol: "http:", address: "127.0.0.1", port: isTencentApi(host) ? server.port : 1 }),
    now: clock.now,
    sleep: clock.sleep,
    dial: async () => Promise.reject(new Error("nothing is dialled here")),
  };
  const region = "ap-guangzhou";
  const bucket = `images-${account.appId}`;
  const credentials = credentialsOf(account, region);
  const cloud = tencentCloud({ credentials, connection, region, bucket, ...options });
  const made: Resource[] = [];
  const record = async (resource: Resource) => {
    made.push(resource);
  };
  const asked = (action: string) => calls.filter((call) => call.action === action);
  return { world, clock, cloud, context, calls, asked, made, record, account, keys, bucket, connection };
}

export type Rehearsal = Awaited<ReturnType<typeof rehearse>>;

export function importRequest(more: Partial<ImportRequest> = {}): ImportRequest {
  return {
    name: "appliance",
    description: "a test",
    object: { bucket: "images-1", key: "cloudimg/abc.qcow2", sizeBytes: 1, sha256: "abc" },
    format: "qcow2",
    diskSizeBytes: 2 ** 30,
    architecture: "amd64",
    firmware: "bios",
    hasNvme: false,
    tags,
    token: "token-1",
    ...more,
  };
}

/** An image that can be launched. */
export async function importedImage({ cloud, context, clock, world }: Rehearsal, more: Partial<ImportRequest> = {}) {
  const handle = await cloud.images.import(importRequest(more), context);
  clock.advance(world.delays.importMs);
  const [image] = await cloud.images.find({ handle }, context);
  if (image === undefined) throw new Error("the image is not there");
  return image;
}

export function instanceRequest(rehearsal: Rehearsal, imageId: string, more: Partial<InstanceRequest> = {}) {
  const request: InstanceRequest = {
    imageId,
    name: "cloudimg-run-1",
    architecture: "amd64",
    firmware: "bios",
    diskSizeBytes: 2 ** 30,
    cpus: 1,
    memoryBytes: 2 ** 30,
    publicKeyLine: rsaLine,
    openPorts: [22, 80],
    isSpot: false,
    endsAtMs: rehearsal.clock.now() + 3_600_000,
    tags,
    token: "token-1",
    ...more,
  };
  return request;
}

/** Launched from a new image, on the cheapest offer. */
export async function launched(rehearsal: Rehearsal, more: Partial<InstanceRequest> = {}) {
  const { cloud, context, record } = rehearsal;
  const image = await importedImage(rehearsal);
  const request = instanceRequest(rehearsal, image.id, more);
  const [offer] = await cloud.instances.offers(request, context);
  if (offer === undefined) throw new Error("there is no offer");
  const instance = await cloud.instances.launch(request, offer, record, context);
  return { image, request, offer, instance };
}
