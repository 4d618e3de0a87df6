import { fork } from "node:child_process";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { cleanByTags, cleanRun } from "../../src/providers/clean-cloud.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import { listRuns, showRun } from "../../src/providers/journal-store.ts";
import { type FaultPlan, makeFaultPlan } from "../../src/rehearsal/faults.ts";
import { headerOf, type WireRequest } from "../../src/rehearsal/http-server.ts";
import type { Rehearsal } from "../../src/rehearsal/rehearsal.ts";
import type { ChildMessage, ChildOrder, ParentMessage } from "./clouds-child.ts";
import { type CloudsPlay, inCloud, leftBesides, madeIn } from "./clouds-play.ts";
import { cloudsPublish, everything } from "./clouds-publish.ts";
import { journalDifference } from "./journal-difference.ts";
import { writeQuickly } from "./publish-cloud-requests.ts";

/** A moment of a publish: after the journal's n-th write; when the n-th call that changes the cloud is done, before its answer; when the n-th that changes the bucket arrives. */
interface Point {
  readonly kind: "journal" | "call" | "store";
  readonly n: number;
  readonly name: string;
}

const child = fileURLToPath(new URL("clouds-child.ts", import.meta.url));
const compiled = join(tmpdir(), "cloudimg-test-compiled");
const areAll = process.env["CLOUDIMG_ALL_CASES"] === "1";
/** Three parts of 8 MiB, so that an upload can be cut between them. */
const image = { format: "raw", diskSizeBytes: 17 * 1024 ** 2 } as const;

/** Kills a publish at each of its points, and publishes again. Usually one point of each kind; all of them with CLOUDIMG_ALL_CASES=1. */
export async function killSuite(name: CloudName): Promise<void> {
  const points = await pointsOf(name);
  const chosen = areAll ? points : firstOfEachName(points);

  describe(`${name}: ${chosen.length} of ${points.length} points`, () => {
    test("what is killed is every step, every call that changes something, every part of the upload", () => {
      const names = chosen.map((point) => point.name).join("\n");
      for (const step of ["upload", "smoke", "instance", "image", "object"]) expect(names).toMatch(step);
      expect(chosen.filter(({ kind }) => kind === "journal").length).toBeGreaterThan(15);
      expect(chosen.filter(({ kind }) => kind === "store").map((point) => point.name)).toEqual(
        expect.arrayContaining(["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "DeleteObject"]),
      );
    });

    test.each(["journal", "tags"] as const)(
      "killed at the launch, and cleaned by its %s",
      { timeout: 120_000 },
      async (by) => {
        // The first tries may have been refused: what was just made is not known at once.
        const launch = points.findLast(isLaunch);
        if (launch === undefined) throw new Error("there is no launch");
        await killedAndCleaned(name, launch, by);
      },
    );

    test.concurrent.each(chosen.map((point) => [`${point.kind} ${point.n}: ${point.name}`, point] as const))(
      "killed at %s",
      { timeout: 120_000 },
      async (_, point) => await killedAndAgain(name, point),
    );
  });
}

/** The call that makes the instance. */
const isLaunch = ({ kind, name }: Point) => kind === "call" && /^RunInstances$|\/cloudservers$/.test(name);

/** Killed when the instance is there and nobody knows of it, in a run that does not go on. */
async function killedAndCleaned(name: CloudName, point: Point, by: "journal" | "tags"): Promise<void> {
  let kill = () => {};
  const count = counter((reached) => {
    if (reached.kind === point.kind && reached.n === point.n) kill();
  });
  await inCloud(name, { image, ...count.hooks }, async (play) => {
    const killed = startChild(play, 0, { configuration: everything(name) });
    kill = killed.kill;
    expect(await killed.ended).toBe("SIGKILL");
    expect(madeIn(play)["instance"]).toBe(1);
    const { request, context } = await cloudsPublish(play.order, play.rehearsal);
    const [run] = listRuns(context);
    if (run === undefined || !("state" in run)) throw new Error("there is no run");
    if (by === "journal") {
      expect(await cleanRun(run, request, context)).toEqual([]);
      expect(leftBesides(play, undefined)).toEqual([]);
      expect(showRun(run.id, context).state).toBe("cleaned");
    } else {
      rmSync(context.directories.data, { recursive: true });
      // A cloud may not show at once what was made just now.
      await request.connection.sleep(60_000, context.signal);
      const { left } = await cleanByTags({ run: run.id, spare: new Set(), olderThanMs: 0 }, request, context);
      expect(left).toEqual([]);
      // Images may be published ones, and the file in the bucket has no tags: they stay, and cost little.
      const kinds = play.rehearsal.left().map(({ kind }) => kind);
      expect(kinds.filter((kind) => !["image", "snapshot", "object"].includes(kind))).toEqual([]);
    }
  });
}

async function killedAndAgain(name: CloudName, point: Point): Promise<void> {
  let kill = () => {};
  const count = counter((reached) => {
    if (reached.kind === point.kind && reached.n === point.n) kill();
  });
  await inCloud(name, { image, ...count.hooks }, async (play) => {
    const order = { configuration: everything(name) };
    const killed = startChild(play, point.kind === "journal" ? point.n : 0, order);
    kill = killed.kill;
    expect(await killed.ended).toBe("SIGKILL");
    const { report, error } = await play.publish(order);
    expect(error).toBeUndefined();
    expect(report?.images).toHaveLength(2);
    expect(report?.leftovers).toEqual([]);
    expect(leftBesides(play, report)).toEqual([]);
    const states = listRuns({ directories: { cache: "", data: `${play.order.home}/data` } });
    const runs = states.map((run) => ("state" in run ? run.state : run.problem));
    // The last point is after the end: to publish once more is another run, of the images that are there.
    const isOver = runs.length === 2;
    expect(runs).toEqual(isOver ? ["done", "done"] : ["done"]);
    const once = isOver ? 2 : 1;
    expect(madeIn(play)).toMatchObject({ object: 1, image: 2 });
    for (const kind of ["instance", "security-group", "key-pair", "address"])
      expect(madeIn(play)[kind] ?? once, kind).toBeLessThanOrEqual(once);
  });
}

function startChild({ rehearsal, order: base }: CloudsPlay, killAtWrite: number, more: object) {
  // What is compiled once for all children: the SDKs are large.
  const env = { ...globalThis.process.env, NODE_COMPILE_CACHE: compiled };
  const process = fork(child, [], { stdio: ["ignore", "ignore", "pipe", "ipc"], env });
  let told = "";
  process.stderr?.on("data", (text) => {
    told += text;
  });
  const ended = new Promise<string>((resolve) => {
    process.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}: ${told}`));
  });
  process.on("message", ({ sleep, ms }: ChildMessage) => void wake(rehearsal, sleep, ms));
  const wake = async ({ clock }: Rehearsal, woken: number, ms: number) => {
    await clock.sleep(ms, new AbortController().signal);
    if (process.connected) process.send({ woken, nowMs: clock.now() } satisfies ParentMessage);
  };
  const { accessKeyId, secretAccessKey, region, projectId } = rehearsal.credentials;
  process.send({
    order: { ...base, ...more },
    environment: {
      CLOUDIMG_RESOLVE: rehearsal.resolve.join(" "),
      CLOUDIMG_INSTANCE_PROXY: `http://127.0.0.1:${rehearsal.ports.proxy}`,
    },
    credentials: { accessKeyId, secretAccessKey, region, projectId, origin: "the test" },
    nowMs: rehearsal.clock.now(),
    killAtWrite,
  } satisfies ChildOrder);
  return { ended, kill: () => void process.kill("SIGKILL") };
}

/** A whole publish, whose points are written down. */
async function pointsOf(name: CloudName): Promise<Point[]> {
  const points: Point[] = [];
  const count = counter((point) => points.push(point));
  await inCloud(name, { image, ...count.hooks }, async (play) => {
    let before = "";
    let writes = 0;
    const { error } = await play.publish(
      { configuration: everything(name) },
      {
        async write(path, text) {
          await writeQuickly(path, text);
          const what = journalDifference(before, text).join(", ") || "begun";
          points.push({ kind: "journal", n: ++writes, name: what });
          before = text;
        },
      },
    );
    if (error !== undefined) throw error;
  });
  return points;
}

/** Counts calls, from the cloud's side. */
function counter(onPoint: (point: Point) => void) {
  const counts = { call: 0, store: 0 };
  const reach = (kind: "call" | "store", name: string) => onPoint({ kind, n: ++counts[kind], name });
  const plan = makeFaultPlan();
  const faults: FaultPlan = {
    ...plan,
    take(service, operation) {
      if (service === "s3" && !/^(Head|Get|List)/.test(operation)) reach("store", operation);
      return plan.take(service, operation);
    },
  };
  const onServed = (request: WireRequest) => {
    const call = changingCall(request);
    if (call !== undefined) reach("call", call);
  };
  return { hooks: { faults, onServed } };
}

/** Its name, if it changes something. */
function changingCall(request: WireRequest): string | undefined {
  const action = headerOf(request, "x-tc-action") ?? headerOf(request, "x-acs-action");
  if (action !== undefined) return /^(Describe|Inquiry|Get|List)/.test(action) ? undefined : action;
  if (request.method === "GET" || request.host.startsWith("bss.")) return undefined;
  // Ids differ from run to run.
  const path = request.path.replace(/[0-9a-f]{32}|[0-9a-f-]{36}|cloudimg-[\w-]+/g, "ID");
  return path.endsWith("/action") && path.includes("/servers/") ? undefined : `${request.method} ${path}`;
}

/** What differs between names that are alike are ids. */
function firstOfEachName(points: readonly Point[]): Point[] {
  const seen = new Set<string>();
  return points.filter(({ kind, name }) => {
    const key = `${kind} ${name.replace(/[\w-]*\d[\w-]*/g, "#")}`;
    return seen.has(key) ? false : seen.add(key);
  });
}
