import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Built } from "../../src/commands/built.ts";
import { inspectImport } from "../../src/commands/import-inspector.ts";
import { type CloudsPublishing, checkWishes, publishToClouds } from "../../src/commands/publishing-clouds.ts";
import type { Context } from "../../src/core/context.ts";
import type { Event } from "../../src/core/events.ts";
import { loadProfile } from "../../src/profile/load.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import { clouds } from "../../src/providers/clouds.ts";
import { makeFaultPlan, parseFaultRule } from "../../src/rehearsal/faults.ts";
import type { Rehearsal } from "../../src/rehearsal/rehearsal.ts";
import { startRehearsal } from "../../src/rehearsal/start-rehearsal.ts";
import type { Trouble } from "../../src/rehearsal/troubles.ts";
import { temporaryDirectory } from "../cli/cloudimg.ts";
import { type AnsweringOptions, answeringMachines } from "../rehearsal/answering-machine.ts";
import { type ImportableOptions, importableImage } from "../rehearsal/importable-image.ts";

export interface PublishingOptions extends Partial<Pick<CloudsPublishing, "region" | "bucket" | "patience">> {
  /** YAML below the image's name. */
  readonly profile?: string;
  readonly machines?: AnsweringOptions;
  readonly image?: ImportableOptions;
  readonly faults?: Partial<Record<CloudName, readonly string[]>>;
  readonly troubles?: Partial<Record<CloudName, readonly Trouble[]>>;
  /** Of an earlier publish: what is there is there again. */
  readonly played?: ReadonlyMap<CloudName, Rehearsal>;
  readonly signal?: AbortSignal;
  readonly environment?: Readonly<Record<string, string>>;
  /** For real: without any rehearsal. */
  readonly real?: boolean;
}

const checks = `smoke:
  timeout: 20s
  ssh:
    - run: hostname
    - run: cat /etc/os-release
      stdout: ^ID=debian
  http:
    - body: <h1>
`;

/** Publishes a small image to played clouds whose instances answer without a boot. */
export async function publishing(names: readonly CloudName[], options: PublishingOptions = {}) {
  const home = temporaryDirectory();
  const path = join(home, "probe.yaml");
  writeFileSync(
    path,
    `image:\n  name: probe\noutput:\n  formats: [qcow2]\n  compress: false\n${options.profile ?? checks}`,
  );
  const events: Event[] = [];
  const context: Context = {
    emit: (event) => events.push(event),
    signal: options.signal ?? new AbortController().signal,
    directories: { cache: join(home, "cache"), data: join(home, "data") },
    environment: options.environment ?? {},
    jobs: 2,
  };
  const loaded = await loadProfile(path, { environment: {} });
  const played = new Map(options.played);
  let builds = 0;
  const play = async (name: CloudName, region: string | undefined): Promise<Rehearsal> => {
    const directory = join(home, name);
    mkdirSync(directory, { recursive: true });
    const rules = (options.faults?.[name] ?? []).flatMap((text) => parseFaultRule(text) ?? []);
    const rehearsal =
      played.get(name) ??
      (await startRehearsal(
        {
          ...{ cloud: name, directory, region: region ?? clouds[name].exampleRegion, inspect: inspectImport },
          ...{ machines: answeringMachines(options.machines), faults: makeFaultPlan(rules) },
          troubles: options.troubles?.[name],
        },
        new AbortController().signal,
      ));
    if (!played.has(name)) onTestFinished(() => rehearsal.close());
    played.set(name, rehearsal);
    // The test looks at what is left in it, and may publish to it again.
    return { ...rehearsal, close: async () => {} };
  };
  const build = async () => {
    builds++;
    return await builtImage(home, options.image);
  };
  let building: Promise<Built> | undefined;
  const wish: CloudsPublishing = {
    ...{ names, loaded, region: options.region, bucket: options.bucket },
    rehearse: options.real === true ? undefined : play,
    patience: { watchEveryMs: 200, bootTimeoutMs: 2_000, ...options.patience },
    build: () => (building ??= build()),
    startedMs: performance.now(),
  };
  checkWishes(wish);
  const outcomes = await publishToClouds(wish, context);
  return { outcomes, events, played, context, builds: () => builds };
}

async function builtImage(home: string, options: ImportableOptions = {}): Promise<Built> {
  const directory = join(home, "out");
  mkdirSync(directory, { recursive: true });
  const path = await importableImage(directory, options);
  const { size: sizeBytes } = statSync(path);
  return {
    ...{ name: "probe", identity: "5f".repeat(32), diskSizeBytes: 32 * 1024 ** 2, kernelVersion: "6.1" },
    files: [{ path, format: "qcow2", sizeBytes, allocatedBytes: sizeBytes }],
    sideFiles: [],
  };
}
