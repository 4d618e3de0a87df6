import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Context } from "../../src/core/context.ts";
import type { Event } from "../../src/core/events.ts";
import type { CloudPublishRequest } from "../../src/providers/publish-cloud-request.ts";
import { type FakeCloud, type FakeOptions, fakeCloud } from "./fake-cloud.ts";

export interface Place {
  readonly fake: FakeCloud;
  readonly request: CloudPublishRequest;
  readonly context: Context;
  readonly events: Event[];
}

export type PlaceOptions = FakeOptions &
  Partial<Pick<CloudPublishRequest, "smoke" | "write" | "profile">> & {
    readonly configuration?: Partial<CloudPublishRequest["configuration"]>;
    readonly identity?: string;
    readonly signal?: AbortSignal;
  };

/** A publish with everything in it, to a fake cloud whose state is in a directory: another process may go on there. */
export function place(directory: string, options: PlaceOptions = {}): Place {
  mkdirSync(directory, { recursive: true });
  const fake = fakeCloud(join(directory, "cloud.json"), options);
  const { identity = "5f".repeat(32), profile = "web" } = options;
  const path = join(directory, `${identity.slice(0, 4)}.qcow2`);
  writeFileSync(path, `image ${identity}`);
  const events: Event[] = [];
  const machine = { cpus: 1, memoryBytes: 2 ** 29, diskSizeBytes: 2 ** 30, openPorts: [22], isSpot: true };
  const request: CloudPublishRequest = {
    ...{ cloud: fake.cloud, store: fake.store, connection: fake.clock, profile, write: options.write ?? writeQuickly },
    build: async () => ({ name: profile, path, format: "qcow2", identity, sizeBytes: 2 ** 30 }),
    configuration: {
      ...{
        region: "r1",
        account: "1250000000",
        bucket: "b-1250000000",
        keepObject: false,
        keepFailed: false,
      },
      ...{ architecture: "amd64", firmware: "bios", hasNvme: true, description: "" },
      ...{ copyTo: ["r2", "r3"], shareWith: ["1"], family: "web", deprecateOld: true, keepNewest: 2 },
      machine: { ...machine, lifetimeMs: 3600_000 },
      ...options.configuration,
    },
    access: async () => ({ publicKeyLine: "ssh-ed25519 AAAA" }),
    smoke: options.smoke ?? (async ({ address }) => ({ results: [result(address)] })),
    smokeInputs: ["GET /"],
  };
  const context: Context = {
    emit: (event) => events.push(event),
    signal: options.signal ?? new AbortController().signal,
    directories: { cache: join(directory, "cache"), data: join(directory, "data") },
    environment: {},
    jobs: 2,
  };
  return { fake, request, context, events };
}

function result(detail: string) {
  return { name: "GET /", kind: "http", ok: true, durationMs: 1, finishedMs: 1, attempts: 1, detail } as const;
}

/** As the journal is written, but without waiting for the disk: no power fails in a test. */
export async function writeQuickly(path: string, text: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
