import { createHash } from "node:crypto";
import { expect } from "vitest";
import { errorCodes } from "../../src/core/error-codes.ts";
import { CloudimgError } from "../../src/core/errors.ts";
import { cleanRun } from "../../src/providers/clean-cloud.ts";
import type { CloudName, Resource } from "../../src/providers/cloud.ts";
import { type LedgerEntry, outstanding, type RunRecord } from "../../src/providers/journal-record.ts";
import { listRuns } from "../../src/providers/journal-store.ts";
import type { PublishedImage } from "../../src/providers/publish-cloud-request.ts";
import { type FaultPlan, type FaultRule, makeFaultPlan } from "../../src/rehearsal/faults.ts";
import type { Trouble } from "../../src/rehearsal/troubles.ts";
import { type CloudsPlay, inCloud, type Outcome } from "./clouds-play.ts";
import { type CloudsOrder, cloudsPublish, everything } from "./clouds-publish.ts";

/** What is left to chance, by its seed: all of it is decided before anything begins. */
export interface Chaos {
  readonly name: CloudName;
  readonly seed: string;
  readonly rules: readonly FaultRule[];
  readonly troubles: readonly Trouble[];
  /** One publish after the other. The last goes without faults. */
  readonly publishes: readonly { readonly identity: number; readonly abortAt?: number | undefined }[];
  readonly configuration: CloudsOrder["configuration"];
  readonly isSpot: boolean;
}

const throttling = {
  tencent: ["cvm.*", "RequestLimitExceeded"],
  alibaba: ["ecs.*", "Throttling.User"],
  huawei: ["ecs.*", "APIGW.0308"],
} as const;

/** With these an image is published in the end. */
const passing = ["sold-out-first", "spot-reclaimed", "slow-cleanup"] as const satisfies Trouble[];
/** With these it never is. */
const lasting = [
  ...(["import-fails", "sold-out", "name-taken", "instance-quota", "other-host-key", "no-role"] as const),
] satisfies Trouble[];

export function chaosOf(name: CloudName, seed: string): Chaos {
  const chance = chances(`${name} ${seed}`);
  const pick = <T>(some: readonly T[]): T => some[Math.floor(chance() * some.length)] as T;
  const [service, slow] = throttling[name];
  const kinds: readonly (() => FaultRule)[] = [
    () => ({ on: service, fault: { kind: "error", code: slow }, chance: chance() * 0.12 }),
    () => ({ on: "*", fault: { kind: "status", status: pick([500, 503]) }, chance: chance() * 0.12 }),
    () => ({ on: "*", fault: { kind: "drop" }, chance: chance() * 0.12 }),
    () => ({ on: "*", fault: { kind: "lost" }, chance: chance() * 0.12 }),
    () => ({ on: "s3.*", fault: { kind: pick(["lost", "drop"] as const) }, chance: chance() * 0.2 }),
    () => ({ on: "*", fault: { kind: "lost" }, after: Math.floor(chance() * 80), times: 1 + Math.floor(chance() * 8) }),
    // A storm that outlasts all patience.
    () => ({ on: "*", fault: { kind: "status", status: 503 }, after: Math.floor(chance() * 120), times: 150 }),
  ];
  const count = 1 + Math.floor(chance() * 4);
  const rules = Array.from({ length: count }, () => ({ times: Number.POSITIVE_INFINITY, ...pick(kinds)() }));
  const troubles = [
    ...(chance() < 0.5 ? [pick(passing)] : []),
    ...(chance() < 0.25 ? [pick(lasting)] : []),
  ] as Trouble[];
  const publishes = Array.from({ length: Math.ceil(chance() * 4) }, () => ({
    identity: chance() < 0.6 ? 0 : Math.floor(chance() * 3),
    abortAt: chance() < 0.4 ? Math.floor(chance() * 90) : undefined,
  }));
  const all = chance() < 0.5 ? everything(name) : {};
  const configuration = { ...all, keepFailed: chance() < 0.2, keepObject: chance() < 0.2 };
  return { name, seed, rules, troubles, publishes, configuration, isSpot: chance() < 0.4 };
}

/** Numbers from 0 to less than 1, the same for the same seed. */
function chances(seed: string): () => number {
  let n = 0;
  return () => createHash("sha256").update(`${seed} ${n++}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** Publishes amid all that, once more in peace, and cleans what is left. Nothing is left then but what was published, and of that nothing is missing. */
export async function survive(chaos: Chaos): Promise<void> {
  const { name, seed, rules, troubles, publishes } = chaos;
  const plan = makeFaultPlan(rules, seed);
  let isCalm = false;
  // A refusal of a rehearsal comes before the cloud looks at the token: an order whose answer was lost would be refused, which no cloud does.
  const refusesLaunches = troubles.some((trouble) => /sold-out|quota/.test(trouble));
  const faults: FaultPlan = {
    ...plan,
    take(service, operation) {
      const fault = isCalm ? undefined : plan.take(service, operation);
      return fault?.kind === "lost" && refusesLaunches && launches.test(operation) ? undefined : fault;
    },
  };
  let onServed = () => {};
  const image = { format: "raw", diskSizeBytes: 17 * 1024 ** 2 } as const;
  await inCloud(name, { faults, troubles, image, onServed: () => onServed() }, async (play) => {
    const twice = new Set<string>();
    const published: PublishedImage[] = [];
    const seen: string[] = [];
    const one = async ({ identity, abortAt }: (typeof publishes)[number]): Promise<Outcome> => {
      const stop = new AbortController();
      let served = 0;
      onServed = () => {
        if (served++ === abortAt) stop.abort(interrupted);
        for (const what of thereTwice(play)) twice.add(what);
      };
      const before = play.rehearsal.made().length;
      const outcome = await play.publish(orderOf(play, chaos, identity), { signal: stop.signal });
      published.push(...(outcome.report?.images ?? []));
      seen.push(`${identity}/${abortAt}: ${outcome.error ?? "done"}; ${play.rehearsal.made().length - before} made`);
      expect(strangeError(outcome.error), `${seed}\n${seen.join("\n")}`).toBeUndefined();
      expect([...twice], `${seed}\n${seen.join("\n")}`).toEqual([]);
      expect(unrecorded(play), `${seed}\n${seen.join("\n")}`).toEqual([]);
      expect(missing(play, published, chaos), `${seed}\n${seen.join("\n")}`).toEqual([]);
      return outcome;
    };
    for (const publish of publishes) await one(publish);
    isCalm = true;
    const last = await one({ identity: publishes.at(-1)?.identity ?? 0 });
    const what = `${seed}\n${seen.join("\n")}\n${plan.met().join("\n")}`;
    if (!troubles.some((trouble) => (lasting as readonly Trouble[]).includes(trouble)))
      expect(last.error, what).toBeUndefined();
    await cleanAll(play);
    onServed = () => {};
    const meant = keptIds(play);
    expect(play.rehearsal.left().filter(isNotMeant(meant, published)).map(wordsFor), what).toEqual([]);
    expect(missing(play, published, chaos), what).toEqual([]);
    for (const run of records(play)) expect(outstanding(run), what).toEqual([]);
  });
}

const launches = /^(RunInstances|CreatePostPaidServers)$/;
const interrupted = new Error("interrupted by SIGINT");

function orderOf({ order }: CloudsPlay, { configuration, isSpot, troubles }: Chaos, identity: number) {
  const digest = createHash("sha256").update(`${order.identity} ${identity}`).digest("hex");
  const doesNotAnswer = troubles.includes("other-host-key");
  return {
    identity: digest,
    configuration,
    machine: { isSpot },
    ...(doesNotAnswer && { bootTimeoutMs: 1500, checks: "ssh" as const }),
  };
}

function strangeError(error: unknown): unknown {
  if (error === undefined || error === interrupted) return undefined;
  if (!(error instanceof CloudimgError)) return error;
  return error.problems.every(({ code }) => code in errorCodes) ? undefined : error;
}

/** More than one instance at a time, more than one image of a name in a region. */
function thereTwice({ rehearsal }: CloudsPlay): string[] {
  const counts = new Map<string, number>();
  for (const { kind, name, region } of rehearsal.left()) {
    if (kind !== "instance" && kind !== "image") continue;
    const key = `${kind} ${name} in ${region}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([key]) => key);
}

function records({ order }: CloudsPlay): RunRecord[] {
  const runs = listRuns({ directories: { cache: "", data: `${order.home}/data` } });
  return runs.filter((run): run is RunRecord => "state" in run);
}

function isUnseenInstance({ kind, state, id }: LedgerEntry): boolean {
  return kind === "instance" && state === "intended" && id === undefined;
}

/** What is in the cloud, and in no ledger. */
function unrecorded(play: CloudsPlay): string[] {
  const entries = records(play).flatMap(({ ledger }) => Object.values(ledger));
  const isKnown = ({ kind, id }: Resource) => {
    if (kind === "snapshot" || kind === "volume") return true;
    const of = kind === "upload" ? "object" : kind;
    // It came with an instance whose own id was never seen.
    if (kind === "address" && entries.some(isUnseenInstance)) return true;
    const alike = entries.filter((entry) => entry.kind === of && entry.state !== "removed");
    return alike.some((entry) => entry.id === undefined || id.endsWith(entry.id) || kind === "upload");
  };
  return play.rehearsal
    .left()
    .filter(({ kind, name, run }) => (kind !== "image" || run !== undefined) && name !== "taken")
    .filter((resource) => !isKnown(resource))
    .map(wordsFor);
}

/** Images that were published, are not there, and gave way to no newer ones. */
function missing({ rehearsal }: CloudsPlay, published: readonly PublishedImage[], { configuration }: Chaos): string[] {
  const made = rehearsal.made().filter(({ kind }) => kind === "image");
  const left = new Set(rehearsal.left().map(({ id }) => id));
  return published
    .filter(({ id }) => !left.has(id))
    .filter(({ id, region }) => {
      const there = made.filter((image) => image.region === region).map((image) => image.id);
      const newer = there.length - 1 - there.indexOf(id);
      return configuration?.keepNewest === undefined || newer < configuration.keepNewest;
    })
    .map(({ id, region }) => `${id} in ${region}`);
}

async function cleanAll(play: CloudsPlay): Promise<void> {
  for (const run of records(play)) {
    if (outstanding(run).length === 0) continue;
    const { request, context } = await cloudsPublish(play.order, play.rehearsal);
    expect(await cleanRun(run, request, context)).toEqual([]);
  }
}

function keptIds(play: CloudsPlay): Set<string> {
  const entries = records(play).flatMap(({ ledger }) => Object.values(ledger));
  return new Set(entries.flatMap(({ state, id }) => (state === "kept" && id !== undefined ? [id] : [])));
}

function isNotMeant(kept: ReadonlySet<string>, published: readonly PublishedImage[]) {
  return ({ kind, id, run }: Resource) => {
    if (kind === "snapshot") return kept.size === 0;
    if (kind === "image") return !kept.has(id) && !published.some((image) => image.id === id) && run !== undefined;
    return !(kind === "object" && [...kept].some((key) => id.endsWith(key)));
  };
}

function wordsFor({ kind, id, name, region }: Resource): string {
  return `${kind} ${id} (${name ?? "-"}) in ${region}`;
}
