import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { inspectImport } from "../../src/commands/import-inspector.ts";
import type { Event } from "../../src/core/events.ts";
import type { CloudName, Resource } from "../../src/providers/cloud.ts";
import { clouds } from "../../src/providers/clouds.ts";
import type { RunRecord } from "../../src/providers/journal-record.ts";
import { listRuns } from "../../src/providers/journal-store.ts";
import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import type { CloudPublishReport } from "../../src/providers/publish-cloud-request.ts";
import { headerOf } from "../../src/rehearsal/http-server.ts";
import type { Rehearsal, RehearsalOptions } from "../../src/rehearsal/rehearsal.ts";
import { startRehearsal } from "../../src/rehearsal/start-rehearsal.ts";
import { type AnsweringOptions, answeringMachines } from "../rehearsal/answering-machine.ts";
import { checkExchange, haveContracts } from "../rehearsal/contracts.ts";
import { type ImportableOptions, importableImage } from "../rehearsal/importable-image.ts";
import { type CloudsHands, type CloudsOrder, cloudsPublish } from "./clouds-publish.ts";
import { expectNoSecrets, secretsOf } from "./clouds-secrets.ts";

export const cloudNames: readonly CloudName[] = ["tencent", "alibaba", "huawei"];

export interface PlayOptions extends Partial<Omit<RehearsalOptions, "cloud" | "machines">> {
  readonly machines?: AnsweringOptions;
  readonly image?: ImportableOptions;
}

export interface CloudsPlay {
  readonly name: CloudName;
  readonly rehearsal: Rehearsal;
  readonly order: CloudsOrder;
  publish(order?: Partial<CloudsOrder>, hands?: Partial<CloudsHands>): Promise<Outcome>;
}

export interface Outcome {
  readonly report: CloudPublishReport | undefined;
  readonly error: unknown;
  readonly events: readonly Event[];
  /** The latest, if one was begun. */
  readonly run: RunRecord | undefined;
}

/** Where the definition is narrower than the service (`Status` takes a list, its table of errors is of 2021), or has nothing of it. */
const allowances = [
  /^bss\b/,
  // Newer than the definition.
  /cloudservers\/[\w-]+\/console-output is no operation/,
  /^DescribeImages: Status is "((Creating|Waiting|Available|UnAvailable|CreateFailed|Deprecated)(,|"))+/,
];

/**
 * Plays a cloud, and publishes to it by its real provider. In the end: all that went over the wire is as the vendor's contract says, the emulators have made no mistake, and
 * no secret is in anything that was written or said.
 */
export async function inCloud(
  name: CloudName,
  options: PlayOptions,
  work: (play: CloudsPlay) => Promise<void>,
): Promise<void> {
  if (!haveContracts && process.env["CI"] === "true") throw new Error("there are no contracts to compare with");
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-clouds-"));
  try {
    const home = join(directory, "home");
    mkdirSync(home);
    const { machines, image, ...more } = options;
    const imagePath = await importableImage(directory, { format: "qcow2", ...image });
    const wire = watchWire(name);
    const rehearsal = await startRehearsal(
      {
        ...{ cloud: name, directory: join(directory, "cloud"), region: clouds[name].exampleRegion, seed: "tests" },
        ...{ inspect: inspectImport, machines: answeringMachines(machines) },
        ...more,
        onServed(request, answer) {
          wire.onServed(request, answer);
          more.onServed?.(request, answer);
        },
      },
      new AbortController().signal,
    );
    const order: CloudsOrder = {
      ...{ name, home, imagePath, region: rehearsal.region, bucket: rehearsal.bucket },
      format: image?.format === "raw" ? "raw" : "qcow2",
      identity: createHash("sha256").update(readFileSync(imagePath)).digest("hex"),
      diskSizeBytes: image?.diskSizeBytes ?? 32 * 1024 ** 2,
    };
    const said: unknown[] = [];
    try {
      await work({ name, rehearsal, order, publish: publisher(rehearsal, order, said) });
    } finally {
      await rehearsal.close();
    }
    expect(rehearsal.defects()).toEqual([]);
    expect([...wire.problems]).toEqual([]);
    expectNoSecrets([...secretsOf(rehearsal), ...wire.signatures], home, said);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function publisher(rehearsal: Rehearsal, order: CloudsOrder, said: unknown[]): CloudsPlay["publish"] {
  return async (orderMore = {}, handsMore = {}) => {
    const { connection, credentials } = rehearsal;
    const hands = { connection, credentials, ...handsMore };
    const { request, context, events } = await cloudsPublish({ ...order, ...orderMore }, hands);
    const outcome = await publishToCloud(request, context).then(
      (report) => ({ report, error: undefined }),
      (error: unknown) => ({ report: undefined, error }),
    );
    const run = listRuns(context).at(-1);
    said.push(outcome, events);
    return { ...outcome, events, run: run !== undefined && "state" in run ? run : undefined };
  };
}

/** What is wrong with what goes over the wire, and by which signatures it is signed. */
function watchWire(name: CloudName) {
  const problems = new Set<string>();
  const signatures: string[] = [];
  const onServed: NonNullable<RehearsalOptions["onServed"]> = (request, answer) => {
    const authorization = headerOf(request, "authorization");
    const signature = authorization === undefined ? undefined : /Signature=(\S+)/.exec(authorization)?.[1];
    if (signature !== undefined) signatures.push(signature);
    for (const problem of haveContracts ? checkExchange(name, request, answer ?? "drop") : [])
      if (!allowances.some((known) => known.test(problem))) problems.add(problem);
  };
  return { problems, signatures, onServed };
}

/** What is there besides the images of a report, and what belongs to them. */
export function leftBesides({ rehearsal }: CloudsPlay, report: CloudPublishReport | undefined): string[] {
  const images = new Set(report?.images.map(({ id }) => id));
  // A snapshot belongs to its image: without one it is left.
  const isMeant = ({ kind, id }: Resource) => images.has(id) || (kind === "snapshot" && images.size > 0);
  return rehearsal
    .left()
    .filter((resource) => !isMeant(resource))
    .map(({ kind, id }) => `${kind} ${id}`);
}

/** Kind → how many were ever made. */
export function madeIn({ rehearsal }: CloudsPlay): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of rehearsal.made()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
