import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { CloudimgError, fail } from "../../src/core/errors.ts";
import { cleanRun } from "../../src/providers/clean-cloud.ts";
import { outstanding, type RunRecord } from "../../src/providers/journal-record.ts";
import { listRuns, showRun } from "../../src/providers/journal-store.ts";
import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import { leftIn } from "./fake-cloud.ts";
import { type PlaceOptions, place, writeQuickly } from "./publish-cloud-requests.ts";

const root = mkdtempSync(join(tmpdir(), "cloudimg-faults-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let places = 0;
const fresh = () => join(root, String(places++));

const reset = () => {
  throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
};
const throttled = () => fail("cloud/busy", "cannot ask: Throttling.User");
/** Fails the first times. */
const first = (times: number, fault: () => void) => (n: number) => (n <= times ? fault() : undefined);

function lastRun(context: Parameters<typeof listRuns>[0]): RunRecord {
  const { id } = listRuns(context).at(-1) ?? { id: "none" };
  return showRun(id, context);
}

async function publishAt(directory: string, options: PlaceOptions = {}) {
  const { request, context, fake, events } = place(directory, options);
  const outcome = await publishToCloud(request, context).then(
    (report) => ({ report, error: undefined }),
    (error: unknown) => ({ report: undefined, error }),
  );
  return { ...outcome, context, events, request, state: fake.state(), run: lastRun(context) };
}

test("a publish leaves its images and nothing else", async () => {
  const { report, state, run } = await publishAt(fresh());
  expect(report).toMatchObject({
    images: [
      { id: "img-1", region: "r1", existed: false },
      { id: "img-2", region: "r2" },
      { id: "img-3", region: "r3" },
    ],
    instance: { id: "i-1", address: "192.0.2.7", offer: { instanceType: "small", isSpot: true } },
    leftovers: [],
  });
  expect(readFileSync(report?.evidence.console ?? "", "utf8")).toBe("login:\n");
  expect(leftIn(state)).toEqual([]);
  expect(state.images.map(({ family, sharedWith }) => ({ family, sharedWith }))).toEqual(
    Array(3).fill({ family: "web", sharedWith: ["1"] }),
  );
  expect(state.instances[0]?.endsAtMs).toBeGreaterThan(1.8e12 + 3600_000);
  expect(run).toMatchObject({ state: "done", scope: { cloud: "tencent", region: "r1", profile: "web" } });
});

test("a storm of faults ends nothing", async () => {
  const faults = {
    "find image": (n: number) => (n % 3 === 2 ? reset() : undefined),
    "find instance": first(6, throttled),
    resources: first(2, reset),
    import: first(2, throttled),
    "copy r2": first(3, reset),
    offers: first(3, throttled),
    launch: first(2, throttled),
    "change image": first(2, reset),
    "remove instance": first(4, throttled),
    "remove security-group": first(3, reset),
    "remove object": first(4, reset),
    evidence: () => fail("cloud/refused", "cannot show the console: NotSupported"),
  };
  const { report, error, state } = await publishAt(fresh(), { faults });
  expect(error).toBeUndefined();
  expect(report?.leftovers).toEqual([]);
  expect(leftIn(state)).toEqual([]);
  expect(state.made).toMatchObject({ image: 3, instance: 1 });
});

test.each(["import answer", "launch answer"])("a lost answer (%s) makes nothing twice", async (call) => {
  const { error, state } = await publishAt(fresh(), { faults: { [call]: first(1, reset) } });
  expect(error).toBeUndefined();
  expect(state.made).toMatchObject({ image: 3, instance: 1, "security-group": 1 });
  expect(leftIn(state)).toEqual([]);
});

test("an import that fails late is told in the cloud's words, and removed with all that belongs to it", async () => {
  const directory = fresh();
  const { error, state, run } = await publishAt(directory, { importFails: "VirtioNotInstall" });
  expect(error).toMatchObject({ code: "cloud/import-failed", message: expect.stringContaining("VirtioNotInstall") });
  expect(leftIn(state)).toEqual([]);
  expect(state.images).toEqual([]);
  expect(run.state).toBe("failed");
  expect(outstanding(run)).toEqual([]);
  const again = await publishAt(directory);
  expect(again.error).toBeUndefined();
  expect(again.run.id).not.toBe(run.id);
});

test("the next kind of machine is taken when one is sold out", async () => {
  const { report, state } = await publishAt(fresh(), { soldOut: ["small", "middle"] });
  expect(report?.instance.offer?.instanceType).toBe("large");
  expect(state.made).toMatchObject({ instance: 1, "security-group": 1 });
});

test("one that is found to be sold out when it has an id already is removed, and the next kind taken", async () => {
  const { report, error, state, events, run } = await publishAt(fresh(), { soldOutLate: ["small", "middle"] });
  expect(error).toBeUndefined();
  expect(report?.instance).toMatchObject({ id: "i-3", offer: { instanceType: "large" } });
  expect(state.made).toMatchObject({ instance: 3, "security-group": 1 });
  expect(leftIn(state)).toEqual([]);
  expect(outstanding(run)).toEqual([]);
  expect(events).toContainEqual(expect.objectContaining({ message: expect.stringMatching(/^middle .*sold out;/) }));
});

test("sold out everywhere: nothing that costs is left, the image waits for the next try", async () => {
  const directory = fresh();
  const { error, state, run } = await publishAt(directory, { soldOut: ["small", "middle", "large"] });
  expect(error).toMatchObject({ code: "cloud/sold-out" });
  expect(leftIn(state)).toEqual([expect.stringContaining("cloudimg/web/")]);
  expect(run).toMatchObject({ state: "interrupted", ledger: { image: { state: "made" } } });
  const again = await publishAt(directory);
  expect(again.run.id).toBe(run.id);
  expect(again.state.made).toMatchObject({ image: 3, object: 1 });
  expect(leftIn(again.state)).toEqual([]);
});

test("an instance that the cloud takes back is replaced", async () => {
  let instances = 0;
  const directory = fresh();
  const { edit } = place(directory).fake;
  const { report, state, events } = await publishAt(directory, {
    async smoke({ id }) {
      if (instances++ > 0) return { results: [] };
      edit((now) => ({ instances: now.instances.map((one) => (one.id === id ? { ...one, state: "stopped" } : one)) }));
      fail("check/instance-died", "cannot check: it is gone");
    },
  });
  expect(report?.instance.id).toBe("i-2");
  expect(leftIn(state)).toEqual([]);
  expect(events).toContainEqual(expect.objectContaining({ level: "warning", hint: "another one is launched" }));
});

describe("an image that fails its checks", () => {
  const smoke = () => fail("check/host-key", "cannot check: another host key");

  test("is neither shared nor left; its console is kept", async () => {
    const { error, state, run, context } = await publishAt(fresh(), { smoke });
    expect(error).toMatchObject({ code: "check/host-key" });
    expect(state.images).toEqual([]);
    expect(leftIn(state)).toEqual([]);
    expect(run.state).toBe("failed");
    const directory = join(context.directories.data, "runs", run.id);
    expect(readFileSync(join(directory, "console.txt"), "utf8")).toBe("login:\n");
  });

  test("stays if that is asked for, and is checked again", async () => {
    const directory = fresh();
    const configuration = { keepFailed: true };
    const failed = await publishAt(directory, { smoke, configuration });
    expect(failed.state.images).toHaveLength(3);
    expect(failed.state.images.map(({ family }) => family)).toEqual([undefined, undefined, undefined]);
    const { error, state } = await publishAt(directory);
    expect(error).toBeUndefined();
    expect(state.made).toMatchObject({ image: 3, instance: 2 });
  });
});

test("a region that fails does not stop the others; the next try copies it alone", async () => {
  const directory = fresh();
  const refuse = () => fail("cloud/quota", "cannot copy: QuotaExceed.Image");
  const { error, state } = await publishAt(directory, { faults: { "copy r2": refuse } });
  expect(error).toBeInstanceOf(CloudimgError);
  expect((error as CloudimgError).problems).toEqual([
    expect.objectContaining({ code: "cloud/copy-failed", message: expect.stringMatching(/ r2: .*QuotaExceed/) }),
  ]);
  expect(state.images.map(({ region }) => region)).toEqual(["r1", "r3"]);
  const again = await publishAt(directory);
  expect(again.error).toBeUndefined();
  expect(again.state.images.map(({ region }) => region)).toEqual(["r1", "r3", "r2"]);
});

test("what refuses to go is told, stays in the ledger, and goes later", async () => {
  const directory = fresh();
  const denied = () => fail("cloud/denied", "cannot remove: UnauthorizedOperation");
  const { report, run, request, context } = await publishAt(directory, { faults: { "remove security-group": denied } });
  const left = [{ kind: "security-group", id: "security-group-1", fault: "cannot remove: UnauthorizedOperation" }];
  expect(report?.leftovers).toMatchObject(left);
  expect(outstanding(run).map(([, entry]) => entry)).toMatchObject(left);
  const { fake } = place(directory);
  expect(await cleanRun(run, { ...request, cloud: fake.cloud }, context)).toEqual([]);
  expect(leftIn(fake.state())).toEqual([]);
  expect(outstanding(lastRun(context))).toEqual([]);
});

test("a Ctrl-C during the checks ends the instance; the next try goes on with the image", async () => {
  const directory = fresh();
  const stop = new AbortController();
  const { error, state, run } = await publishAt(directory, {
    signal: stop.signal,
    async smoke(_subject, context) {
      stop.abort(new Error("interrupted"));
      context.signal.throwIfAborted();
      return { results: [] };
    },
  });
  expect(error).toMatchObject({ message: "interrupted" });
  expect(leftIn(state)).toEqual([expect.stringContaining("cloudimg/web/")]);
  expect(run.state).toBe("interrupted");
  const again = await publishAt(directory);
  expect(again.run.id).toBe(run.id);
  expect(again.state.made).toMatchObject({ image: 3, object: 1, instance: 2 });
  expect(leftIn(again.state)).toEqual([]);
});

test("another image of the profile: what the cut-off run of the first has left is removed", async () => {
  const directory = fresh();
  const { run } = await publishAt(directory, { soldOut: ["small", "middle", "large"] });
  const { state, context } = await publishAt(directory, { identity: "ab".repeat(32) });
  expect(showRun(run.id, context).state).toBe("cleaned");
  expect(state.images.map(({ id }) => id)).toEqual(["img-4", "img-5", "img-6"]);
  expect(leftIn(state)).toEqual([]);
});

describe("a disk that is full", () => {
  const full = (): never => fail("host/no-space", "cannot write run.json: no space is left");

  test.each(Array.from({ length: 30 }, (_, index) => index + 1))("from write %i on: nothing is lost", async (n) => {
    const directory = fresh();
    let writes = 0;
    const failed = await publishAt(directory, {
      write: async (path, text) => (++writes >= n ? full() : writeQuickly(path, text)),
    }).catch((error: unknown) => ({ error, state: place(directory).fake.state() }));
    if (n === 1) expect(failed.error).toMatchObject({ code: "cloud/no-run" });
    else expect(failed.error).toMatchObject({ code: "host/no-space" });
    const { instances, parts } = failed.state;
    expect(leftIn({ ...failed.state, objects: {} })).toEqual([]);
    expect([instances.filter(({ state }) => state !== "stopped"), parts]).toEqual([[], []]);
    const again = await publishAt(directory);
    expect(again.error).toBeUndefined();
    expect(leftIn(again.state)).toEqual([]);
    expect(again.state.made).toMatchObject({ image: 3, object: 1 });
  });
});

test("two publishes of the same profile at once: one after the other, of the same image", async () => {
  const directory = fresh();
  const [one, two] = [place(directory), place(directory)];
  let isFirstDone = false;
  // While it waits for the other, its clock must not run.
  const patient = {
    now: two.fake.clock.now,
    sleep: (ms: number, signal: AbortSignal) => (isFirstDone ? two.fake.clock.sleep(ms, signal) : sleep(5)),
  };
  const [first, second] = await Promise.all([
    publishToCloud(one.request, one.context).finally(() => {
      isFirstDone = true;
    }),
    publishToCloud({ ...two.request, connection: patient }, two.context),
  ]);
  expect(two.events).toContainEqual(expect.objectContaining({ message: expect.stringContaining("another publish") }));
  expect(second).toMatchObject({ images: first.images.map(({ id }) => ({ id, existed: true })) });
  expect(one.fake.state().made).toMatchObject({ image: 3, object: 1, instance: 2 });
  expect(leftIn(one.fake.state())).toEqual([]);
});

test("what the check finds is told at once, and nothing is begun", async () => {
  const { request, context, fake } = place(fresh());
  const problems = [
    { severity: "error", what: "there is no role", steps: ["make it"] },
    { severity: "error", what: "the quota is used up", steps: ["remove images"] },
  ] as const;
  const cloud = { ...fake.cloud, check: async () => [...problems] };
  await expect(publishToCloud({ ...request, cloud }, context)).rejects.toMatchObject({
    problems: [
      { code: "cloud/not-ready", hint: "make it" },
      { code: "cloud/not-ready", hint: "remove images" },
    ],
  });
  expect(listRuns(context)).toEqual([]);
});

test("no link that lets anybody in is written anywhere", async () => {
  const { request, context, events, report } = await publishAt(fresh(), { importFails: "no" });
  const { id } = lastRun(context);
  const written = readFileSync(join(context.directories.data, "runs", id, "run.json"), "utf8");
  expect(`${written}${JSON.stringify([events, report])}`).not.toContain("s3cret");
  expect(request.profile).toBe("web");
});
