import { afterEach, expect, test } from "vitest";
import { type FaultPlan, makeFaultPlan, parseFaultRule, unseenMs, withFaults } from "../../src/rehearsal/faults.ts";
import { startHttpServer } from "../../src/rehearsal/http-server.ts";

const { signal } = new AbortController();
const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A service that counts; gives what a client sees of each call. */
async function asked(plan: FaultPlan, calls: number) {
  let done = 0;
  const handler = withFaults(
    async () => {
      done++;
      return { status: 200, body: "done" };
    },
    plan,
    ({ path }) => ({ service: "ecs", operation: path.slice(1) }),
    (code) => ({ status: 400, body: code }),
  );
  const server = await startHttpServer(handler, {}, signal);
  servers.push(server);
  const seen: string[] = [];
  for (let call = 0; call < calls; call++) {
    const answer = fetch(`http://127.0.0.1:${server.port}/RunInstances`);
    seen.push(
      await answer.then(
        async (got) => `${got.status} ${await got.text()}`,
        () => "cut off",
      ),
    );
  }
  return { seen, done };
}

test("a script: errors, a gateway in trouble, cut before and after the work", async () => {
  const plan = makeFaultPlan([
    { on: "RunInstances", fault: { kind: "error", code: "Throttling" }, times: 2 },
    { on: "vpc.*", fault: { kind: "drop" }, times: Number.POSITIVE_INFINITY },
    { on: "ecs.Run*", fault: { kind: "status", status: 503 }, after: 2 },
    { on: "*", fault: { kind: "drop" }, after: 3 },
    { on: "*", fault: { kind: "lost" }, after: 4 },
  ]);
  const { seen, done } = await asked(plan, 6);
  expect(seen).toEqual([
    "400 Throttling",
    "400 Throttling",
    "503 <html><h1>503</h1></html>",
    "cut off",
    "cut off",
    "200 done",
  ]);
  expect(done).toBe(2);
  expect(plan.met()).toEqual(
    ["Throttling", "Throttling", "503", "drop", "lost"].map((what) => `ecs.RunInstances: ${what}`),
  );
});

test("a storm by chance is the same for the same seed, and as dense as told", () => {
  const storm = (seed: string) => {
    const plan = makeFaultPlan([parseFaultRule("*=500%20") as never], seed);
    return Array.from({ length: 1000 }, () => plan.take("ecs", "DescribeImages") !== undefined);
  };
  expect(storm("a")).toEqual(storm("a"));
  expect(storm("a")).not.toEqual(storm("b"));
  const hit = storm("a").filter(Boolean).length;
  expect(hit).toBeGreaterThan(140);
  expect(hit).toBeLessThan(260);
});

test("rules as text", () => {
  expect(parseFaultRule("RunInstances=drop")).toMatchObject({ on: "RunInstances", fault: { kind: "drop" }, times: 1 });
  expect(parseFaultRule("ecs.*=503*5")).toMatchObject({
    on: "ecs.*",
    fault: { kind: "status", status: 503 },
    times: 5,
  });
  expect(parseFaultRule("*=Throttling.User*3@10")).toMatchObject({
    fault: { kind: "error", code: "Throttling.User" },
    times: 3,
    after: 10,
  });
  expect(parseFaultRule("ImportImage=lost")?.fault).toEqual({ kind: "lost" });
  expect(parseFaultRule("*=500%20")).toMatchObject({ chance: 0.2, times: Number.POSITIVE_INFINITY });
  for (const text of ["", "x", "=drop", "x=", "x=99", "x=drop*", "a.b.c=drop", "x=drop*-1", "x y=drop"]) {
    expect(parseFaultRule(text), text).toBeUndefined();
  }
});

test("a new thing is not found for a moment of its own, that all agree on", () => {
  const times = Array.from({ length: 500 }, (_, index) => unseenMs(`i-${index}`, 2000));
  expect(unseenMs("i-7", 2000)).toBe(times[7]);
  expect(Math.min(...times)).toBeLessThan(100);
  expect(Math.max(...times)).toBeGreaterThan(1900);
  expect(Math.max(...times)).toBeLessThanOrEqual(2000);
  expect(unseenMs("i-7", 0)).toBe(0);
});
