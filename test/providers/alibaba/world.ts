import { beforeAll, expect, onTestFinished } from "vitest";
import type { Context } from "../../../src/core/context.ts";
import type { Event } from "../../../src/core/events.ts";
import { type AlibabaOptions, alibabaCloud } from "../../../src/providers/alibaba/cloud.ts";
import type { ImportRequest, InstanceRequest } from "../../../src/providers/cloud.ts";
import type { Connection } from "../../../src/providers/connection.ts";
import { credentialsOf, makeAccount, makeKeyRing } from "../../../src/rehearsal/accounts.ts";
import { type EcsOptions, makeEcs } from "../../../src/rehearsal/alibaba/ecs.ts";
import type { ImageFileFacts } from "../../../src/rehearsal/alibaba/image-file.ts";
import { makeClock } from "../../../src/rehearsal/clock.ts";
import { startHttpServer, type WireHandler } from "../../../src/rehearsal/http-server.ts";
import { checkExchange, haveContracts } from "../../rehearsal/contracts.ts";

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

const GiB = 1024 ** 3;
export const account = makeAccount("alibaba", "tests");
export const region = "cn-hangzhou";

const object = { bucket: "images", key: "a/b c.qcow2", sizeBytes: 1, sha256: "0".repeat(64) };
export const tags = { "cloudimg:run": "run-1", "cloudimg:image": "sha256:abc" };

/** Where the definition is narrower than the service: `Status` takes a list, and the table of errors is of 2021. */
const allowances = [
  /^DescribeImages: Status is "((Creating|Waiting|Available|UnAvailable|CreateFailed|Deprecated)(,|"))+/,
  / answer: the error InvalidSecurityToken\.MismatchWithAccessKey is unknown$/,
];

/**
 * The emulated service, and a provider that reaches it. Its time leaps; objects are what the test says they are. Each request and each answer is compared with
 * the vendor's definition of its API, where that is at hand.
 */
export async function makeWorld(
  options: Partial<EcsOptions> & {
    readonly cloud?: Partial<AlibabaOptions>;
    /** What a file is that is imported. */
    readonly facts?: () => ImageFileFacts;
  } = {},
) {
  const clock = makeClock({ leaps: true });
  const ecs = makeEcs({
    clock,
    account,
    keys: makeKeyRing([account.key]),
    source: {
      bucket: (name) => ({ images: { region }, elsewhere: { region: "cn-beijing" } })[name],
      openObject: async (bucket, key) => (bucket === object.bucket && key === object.key ? "/object" : undefined),
    },
    inspect: async () => options.facts?.() ?? { format: "QCOW2", virtualSizeBytes: 3 * GiB },
    ...options,
  });
  const stop = new AbortController();
  const problems = new Set<string>();
  const handler: WireHandler = async (request, signal) => {
    const answer = await ecs.handler(request, signal);
    for (const problem of haveContracts ? checkExchange("alibaba", request, answer) : []) {
      if (!allowances.some((pattern) => pattern.test(problem))) problems.add(problem);
    }
    return answer;
  };
  const server = await startHttpServer(handler, {}, stop.signal);
  onTestFinished(async () => {
    await ecs.close();
    await server.close();
    clock.close();
    if (server.defects().length > 0) throw server.defects()[0];
    expect([...problems]).toEqual([]);
  });
  const connection: Connection = {
    resolve: (host) => (ecs.owns(host) ? { protocol: "http:", address: "127.0.0.1", port: server.port } : undefined),
    now: clock.now,
    sleep: clock.sleep,
    dial: () => Promise.reject(new Error("nothing is dialled here")),
  };
  const events: Event[] = [];
  const context: Context = {
    emit: (event) => events.push(event),
    signal: stop.signal,
    directories: { cache: "/nonexistent", data: "/nonexistent" },
    environment: {},
    jobs: 1,
  };
  const credentials = credentialsOf(account, region);
  const cloud = alibabaCloud({ credentials, connection, region, bucket: "images", ...options.cloud });
  return { clock, ecs, server, connection, context, events, cloud, credentials, stop };
}

export type World = Awaited<ReturnType<typeof makeWorld>>;

export function importRequest(more: Partial<ImportRequest> = {}): ImportRequest {
  return {
    name: "demo-1",
    description: "made by a test",
    object,
    format: "qcow2",
    diskSizeBytes: 3 * GiB,
    architecture: "amd64",
    firmware: "bios",
    hasNvme: true,
    tags,
    token: "import-1",
    ...more,
  };
}

/** Imports an image and lets the time pass that it takes. */
export async function availableImage({ cloud, clock, context }: World, more: Partial<ImportRequest> = {}) {
  const handle = await cloud.images.import(importRequest(more), context);
  clock.advance(120_000);
  await new Promise(setImmediate);
  const [image] = await cloud.images.find({ handle }, context);
  if (image?.state !== "available") throw new Error(`the image is ${image?.state}: ${image?.reason}`);
  return image;
}

export function instanceRequest(world: World, imageId: string, more: Partial<InstanceRequest> = {}): InstanceRequest {
  return {
    imageId,
    name: "demo-run-1",
    architecture: "amd64",
    firmware: "bios",
    diskSizeBytes: 3 * GiB,
    cpus: 1,
    memoryBytes: GiB,
    userData: new TextEncoder().encode("#cloud-config\n"),
    publicKeyLine: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake run",
    openPorts: [22, 80],
    isSpot: false,
    endsAtMs: world.clock.now() + 45 * 60_000,
    tags,
    token: "launch-1",
    ...more,
  };
}
