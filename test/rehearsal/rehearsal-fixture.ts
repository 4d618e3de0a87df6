import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";
import { expect, onTestFinished } from "vitest";
import type {
  Cloud,
  CloudName,
  ImageState,
  InstanceRequest,
  InstanceState,
  Resource,
} from "../../src/providers/cloud.ts";
import { clouds } from "../../src/providers/clouds.ts";
import type { Connection } from "../../src/providers/connection.ts";
import type { ObjectStore } from "../../src/providers/object-store.ts";
import type { ImportFacts } from "../../src/rehearsal/import-facts.ts";
import type { Rehearsal, RehearsalOptions } from "../../src/rehearsal/rehearsal.ts";
import { startRehearsal } from "../../src/rehearsal/start-rehearsal.ts";
import { temporaryDirectory, testContext } from "../machine/support.ts";
import { checkExchange, haveContracts } from "./contracts.ts";

export const cloudNames: readonly CloudName[] = ["tencent", "alibaba", "huawei"];

const goodFacts: ImportFacts = {
  format: "qcow2",
  virtualSizeBytes: 32 * 1024 ** 2,
  fileSizeBytes: 1000,
  isWhole: true,
  table: "mbr",
  bootsBy: ["bios", "uefi"],
  hasRoot: true,
  hasVirtio: true,
  hasNvme: true,
  hasCloudInit: true,
  hasOwnInitializer: true,
};

const tags = { "cloudimg:run": "run-1", "cloudimg:image": "abc" } as const;

/** Tencent takes no other kind. */
export const runKey = ssh2.utils.generateKeyPairSync("rsa", { bits: 2048, comment: "run" });

export interface Played {
  readonly rehearsal: Rehearsal;
  readonly cloud: Cloud;
  readonly store: ObjectStore;
  readonly context: ReturnType<typeof testContext>;
  readonly directory: string;
}

/** As much of it as a provider knows. */
export interface Used extends Pick<Played, "cloud" | "store" | "context" | "directory"> {
  readonly rehearsal: Pick<Rehearsal, "connection" | "bucket">;
  /** How often to ask whether something is ready. */
  readonly askEveryMs?: number;
}

/** An emulated cloud, and the provider that knows nothing of it. All that goes over the wire is compared with the vendor's contract. */
export async function play(
  name: CloudName,
  { signal, ...options }: Partial<RehearsalOptions> & { readonly signal?: AbortSignal } = {},
): Promise<Played> {
  const directory = temporaryDirectory();
  const context = testContext();
  const problems = new Set<string>();
  const rehearsal = await startRehearsal(
    {
      cloud: name,
      directory: join(directory, "cloud"),
      region: clouds[name].exampleRegion,
      seed: "tests",
      inspect: async (path) => ({ ...goodFacts, fileSizeBytes: statSync(path).size }),
      onServed(request, answer) {
        const found = haveContracts ? checkExchange(name, request, answer ?? "drop") : [];
        for (const problem of found) if (!allowances.some((known) => known.test(problem))) problems.add(problem);
      },
      ...options,
    },
    signal ?? context.signal,
  );
  onTestFinished(async () => {
    await rehearsal.close();
    expect(rehearsal.defects()).toEqual([]);
    expect([...problems]).toEqual([]);
  });
  return { rehearsal, context, directory, ...(await open(rehearsal)) };
}

/** Where the definition is narrower than the service: `Status` takes a list, and the table of errors is of 2021. */
const allowances = [
  // Of this service the contract has nothing.
  /^bss\b/,
  /^DescribeImages: Status is "((Creating|Waiting|Available|UnAvailable|CreateFailed|Deprecated)(,|"))+/,
];

export function open(
  { cloud, region, bucket, credentials, connection }: Rehearsal,
  more: { readonly connection?: Connection; readonly imageName?: string } = {},
) {
  return clouds[cloud].open({ credentials, connection, region, bucket, role: undefined, ...more });
}

/** Uploads a file and imports it; gives the image when it is there or has failed. */
export async function imported(
  { rehearsal, cloud, store, context, directory, askEveryMs = 10_000 }: Used,
  path: string,
  name = "appliance",
): Promise<ImageState> {
  const { connection, bucket } = rehearsal;
  const bytes = readFileSync(path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const object = await store.upload(
    {
      ...{ path, sha256, bucket, sizeBytes: bytes.length, key: `cloudimg/${sha256}.qcow2` },
      ...{ statePath: join(directory, "upload.json"), onProgress: () => {} },
    },
    context,
  );
  const url = await store.signedUrl(object, 3600);
  const facts = { format: "qcow2", diskSizeBytes: 32 * 1024 ** 2, architecture: "amd64", firmware: "bios" } as const;
  const handle = await cloud.images.import(
    { name, description: "a test", object, url, hasNvme: true, tags, token: `import-${name}`, ...facts },
    context,
  );
  for (;;) {
    const [image] = await cloud.images.find({ handle }, context);
    if (image !== undefined && image.state !== "pending") return image;
    await connection.sleep(askEveryMs, context.signal);
  }
}

export interface Launched {
  readonly instance: InstanceState;
  readonly made: Resource[];
}

export async function launched(
  { rehearsal, cloud, context, askEveryMs = 3_000 }: Used,
  imageId: string,
  token = "launch-1",
): Promise<Launched> {
  const { connection } = rehearsal;
  const made: Resource[] = [];
  const request: InstanceRequest = {
    ...{ imageId, name: "cloudimg-run-1", architecture: "amd64", firmware: "bios" },
    ...{
      diskSizeBytes: 32 * 1024 ** 2,
      cpus: 1,
      memoryBytes: 1024 ** 3,
      publicKeyLine: runKey.public,
      openPorts: [22, 80],
    },
    ...{ userData: Buffer.from("#cloud-config\n"), isSpot: false, endsAtMs: connection.now() + 3_600_000 },
    ...{ tags, token },
  };
  const [offer] = await cloud.instances.offers(request, context);
  if (offer === undefined) throw new Error("there is no offer");
  const { id } = await cloud.instances.launch(request, offer, async (resource) => void made.push(resource), context);
  for (;;) {
    const [instance] = await cloud.instances.find({ id }, context);
    if (instance !== undefined && instance.state !== "pending") return { instance, made };
    await connection.sleep(askEveryMs, context.signal);
  }
}

/** Removes things, instances and then the latest first, and waits until the cloud lets it. */
export async function removed(
  { rehearsal, cloud, context, askEveryMs = 5_000 }: Used,
  made: readonly Resource[],
): Promise<void> {
  const isInstance = ({ kind }: Resource) => Number(kind === "instance");
  for (const resource of [...made].reverse().sort((a, b) => isInstance(b) - isInstance(a))) {
    for (let attempt = 1; ; attempt++) {
      try {
        await cloud.instances.remove(resource, context);
        if (resource.kind !== "instance") break;
        const isThere = (await cloud.instances.find({ id: resource.id }, context)).some(
          ({ state }) => state !== "gone",
        );
        if (!isThere) break;
        await rehearsal.connection.sleep(askEveryMs, context.signal);
      } catch (error) {
        if ((error as { code?: string }).code !== "cloud/busy" || attempt > 60) throw error;
        await rehearsal.connection.sleep(askEveryMs, context.signal);
      }
    }
  }
}

/** All that `play` and its kin have made. */
export async function tidied(played: Played, image: ImageState | undefined, made: readonly Resource[]): Promise<void> {
  const { cloud, store, rehearsal, context } = played;
  await removed(played, made);
  if (image !== undefined) await cloud.images.remove(image, context);
  for (const { kind, id } of rehearsal.left()) {
    if (kind === "object") await store.remove(rehearsal.bucket, id.slice(rehearsal.bucket.length + 1), context);
  }
}
