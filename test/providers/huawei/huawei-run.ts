import type { Context } from "../../../src/core/context.ts";
import type { ImageState, ImportHandle, ImportRequest, InstanceRequest } from "../../../src/providers/cloud.ts";
import type { Connection } from "../../../src/providers/connection.ts";
import { huaweiCloud } from "../../../src/providers/huawei/cloud.ts";
import { makeCredentials } from "../../../src/providers/huawei/credentials.ts";
import type { BucketFacts } from "../../../src/providers/object-store.ts";
import { credentialsOf, makeAccount, makeKeyRing } from "../../../src/rehearsal/accounts.ts";
import { type Clock, makeClock } from "../../../src/rehearsal/clock.ts";
import { startHttpServer, type WireHandler } from "../../../src/rehearsal/http-server.ts";
import { huaweiEmulator, type ServedCall } from "../../../src/rehearsal/huawei/emulator.ts";
import { type HuaweiWorldOptions, makeHuaweiWorld } from "../../../src/rehearsal/huawei/world.ts";

export const region = "cn-north-4";

export const credentials = makeCredentials({
  accessKeyId: "HPUAEXAMPLEEXAMPLE00",
  secretAccessKey: "secret-secret-secret-secret-secret-00000",
  origin: "the test",
});

export function testContext(environment: Record<string, string> = {}): Context {
  return {
    emit: () => {},
    signal: new AbortController().signal,
    directories: { cache: "/nowhere", data: "/nowhere" },
    environment,
    jobs: 1,
  };
}

/** All of Huawei Cloud's hosts lead to the handler, by a clock that leaps over sleeps. */
export async function serve(handler: WireHandler, clock: Clock = makeClock({ leaps: true })) {
  const server = await startHttpServer(handler, {}, new AbortController().signal);
  const connection: Connection = {
    resolve: (host) =>
      host.endsWith(".myhuaweicloud.com") ? { protocol: "http:", address: "127.0.0.1", port: server.port } : undefined,
    now: clock.now,
    sleep: clock.sleep,
    dial: () => Promise.reject(new Error("nobody dials here")),
  };
  return { connection, clock, server, close: () => server.close() };
}

export const GiB = 1024 ** 3;

export interface RunOptions extends Partial<Omit<HuaweiWorldOptions, "account" | "keys" | "clock">> {
  readonly agency?: string;
  readonly bucketFacts?: BucketFacts;
}

/** A provider, and the emulated cloud that it talks to, by a clock that leaps. What a file has, `source` and `examine` say. */
export async function rehearse({ agency, bucketFacts, ...options }: RunOptions = {}) {
  const account = makeAccount("huawei", "test");
  const clock = makeClock({ leaps: true });
  const keys = makeKeyRing([account.key]);
  const world = makeHuaweiWorld({
    account,
    keys,
    clock,
    source: {
      bucket: (name) => (name === "images" ? { region } : name === "elsewhere" ? { region: "cn-east-3" } : undefined),
      openObject: async (_, key) => (key === "missing" ? undefined : `/files/${key}`),
    },
    examine: async () => ({ format: "qcow2", virtualSizeBytes: 2 * GiB, fileSizeBytes: 500_000_000 }),
    ...options,
  });
  const served: ServedCall[] = [];
  const emulator = huaweiEmulator(world, (call) => served.push(call));
  const { connection, close, server } = await serve(emulator.handler, clock);
  const cloud = huaweiCloud({
    credentials: credentialsOf(account, region),
    connection,
    region,
    bucket: "images",
    agency,
    store: bucketFacts && { checkBucket: async () => bucketFacts },
  });
  return { cloud, world, served, connection, clock, account, keys, server, context: testContext(), close };
}

export type Run = Awaited<ReturnType<typeof rehearse>>;

export const tags = { "cloudimg:run": "r-1a2b", "cloudimg:image": `${"0123456789abcdef".repeat(4)}` };

export const importRequest: ImportRequest = {
  name: "web-1a2b",
  description: "A test.",
  object: { bucket: "images", key: "web/1a2b.qcow2", sizeBytes: 500_000_000, sha256: "0".repeat(64) },
  format: "qcow2",
  diskSizeBytes: 2 * GiB,
  architecture: "amd64",
  firmware: "bios",
  hasNvme: false,
  tags,
  token: "token-1",
};

export function instanceRequest({ clock }: Pick<Run, "clock">, imageId: string): InstanceRequest {
  return {
    imageId,
    name: "cloudimg-r-1a2b",
    architecture: "amd64",
    firmware: "bios",
    diskSizeBytes: 2 * GiB,
    cpus: 1,
    memoryBytes: GiB,
    userData: Buffer.from("#cloud-config\n"),
    publicKeyLine: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample run",
    openPorts: [22, 80],
    isSpot: false,
    endsAtMs: clock.now() + 3_600_000,
    tags,
    token: "token-1",
  };
}

/** Asks until the image is there or has failed. */
export async function settle({ cloud, clock, context }: Run, handle: ImportHandle): Promise<ImageState> {
  for (;;) {
    const [image] = await cloud.images.find({ handle }, context);
    if (image !== undefined && image.state !== "pending") return image;
    await clock.sleep(10_000, context.signal);
  }
}
