import { join } from "node:path";
import type { Context } from "../../src/core/context.ts";
import type { Event } from "../../src/core/events.ts";
import { profileSchema } from "../../src/profile/schema.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import { clouds } from "../../src/providers/clouds.ts";
import type { Connection } from "../../src/providers/connection.ts";
import type { Credentials } from "../../src/providers/credentials.ts";
import { instanceUserData } from "../../src/providers/instance-user-data.ts";
import { keptHostKey, keptRunKey } from "../../src/providers/journal-key.ts";
import type { CloudPublishConfiguration, CloudPublishRequest } from "../../src/providers/publish-cloud-request.ts";
import { smokeInCloud } from "../../src/providers/publish-cloud-smoke.ts";
import { writeQuickly } from "./publish-cloud-requests.ts";

/** A publish by a real provider, as plain data: another process does the same. */
export interface CloudsOrder {
  readonly name: CloudName;
  readonly region: string;
  readonly bucket: string;
  /** Where the journal is. */
  readonly home: string;
  readonly imagePath: string;
  /** SHA-256 of the disk. */
  readonly identity: string;
  readonly format: "qcow2" | "raw";
  readonly diskSizeBytes: number;
  readonly configuration?: Partial<Omit<CloudPublishConfiguration, "machine">> | undefined;
  readonly machine?: Partial<CloudPublishConfiguration["machine"]>;
  readonly imageName?: string;
  readonly bootTimeoutMs?: number;
  /** Default: one check each over ssh and HTTP. */
  readonly checks?: "ssh and http" | "ssh";
}

export interface CloudsHands {
  readonly connection: Connection;
  readonly credentials: Credentials;
  readonly signal?: AbortSignal;
  readonly write?: CloudPublishRequest["write"];
  readonly smoke?: CloudPublishRequest["smoke"];
  readonly events?: Event[];
  readonly onBuild?: () => void;
}

/** Regions that images are copied to. */
const copyRegions = { tencent: "ap-shanghai", alibaba: "cn-beijing", huawei: "cn-east-3" } as const;

const sharedWith = { tencent: "100000000001", alibaba: "1234567890123456", huawei: "5f".repeat(16) } as const;

/** All that a publish does: a copy, a family, older ones deprecated, another account. */
export const everything = (name: CloudName): CloudsOrder["configuration"] => ({
  copyTo: [copyRegions[name]],
  shareWith: [sharedWith[name]],
  family: "web",
  deprecateOld: true,
  keepNewest: 2,
});

export async function cloudsPublish(order: CloudsOrder, hands: CloudsHands) {
  const { name, region, bucket, home, format, identity, diskSizeBytes } = order;
  const { connection, credentials, signal = new AbortController().signal, events = [] } = hands;
  const role = name === "huawei" ? "cloudimg_agency" : undefined;
  const opened = await clouds[name].open({ credentials, connection, region, bucket, role });
  const profile = profileSchema.parse({
    image: { name: "web" },
    smoke: {
      timeout: "20s",
      ssh: [{ run: "hostname" }],
      http: order.checks === "ssh" ? [] : [{ path: "/", body: "<h1>" }],
    },
  });
  const context: Context = {
    emit: (event) => void events.push(event),
    signal,
    directories: { cache: join(home, "cache"), data: join(home, "data") },
    environment: {},
    jobs: 1,
  };
  const request: CloudPublishRequest = {
    ...opened,
    connection,
    profile: "web",
    imageName: order.imageName,
    write: hands.write ?? writeQuickly,
    async build() {
      hands.onBuild?.();
      return { name: "web", path: order.imagePath, format, identity, sizeBytes: diskSizeBytes };
    },
    configuration: {
      ...{ region, bucket, account: bucket, keepObject: false, keepFailed: false, architecture: "amd64" },
      ...{ firmware: "bios", hasNvme: true, description: "a test", copyTo: [], shareWith: [], deprecateOld: false },
      ...order.configuration,
      machine: {
        ...{ cpus: 1, memoryBytes: 2 ** 29, diskSizeBytes, openPorts: [22, 80], isSpot: false, lifetimeMs: 3600_000 },
        ...order.machine,
      },
    },
    async access(directory, _, { consoleUrl }) {
      const { publicKeyLine } = await keptRunKey(directory);
      const told = { hostKey: await keptHostKey(directory), consoleUrl: await consoleUrl() };
      return { publicKeyLine, userData: instanceUserData(told) };
    },
    async smoke(subject, inner) {
      if (hands.smoke !== undefined) return await hands.smoke(subject, inner);
      const { privateKey } = await keptRunKey(subject.directory);
      const hostKeyLine = (await keptHostKey(subject.directory)).publicKeyLine;
      const patience = { bootTimeoutMs: order.bootTimeoutMs ?? 20_000, watchEveryMs: 100 };
      return await smokeInCloud(
        { cloud: opened.cloud, connection, profile, privateKey, hostKeyLine, ...patience },
        subject,
        inner,
      );
    },
    smokeInputs: ["hostname", "/"],
  };
  return { request, context, events };
}
