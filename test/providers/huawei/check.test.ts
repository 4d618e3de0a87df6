import { afterEach, expect, test } from "vitest";
import { type Run, type RunOptions, rehearse } from "./huawei-run.ts";

const runs: Run[] = [];
afterEach(async () => {
  await Promise.all(runs.splice(0).map(({ close }) => close()));
});

async function check(options: RunOptions = {}, prepare: (run: Run) => void = () => {}) {
  const run = await rehearse(options);
  runs.push(run);
  prepare(run);
  return await run.cloud.check(run.context);
}

test("nothing is wrong", async () => {
  expect(await check({ bucketFacts: { region: "cn-north-4", storageClass: "STANDARD" } })).toEqual([]);
});

test("all that is wrong is told at once", async () => {
  const problems = await check({
    quotas: { images: 0, instances: 0, addresses: 0 },
    bucketFacts: { region: "cn-east-3", storageClass: "WARM" },
  });
  expect(problems.map(({ what }) => what)).toEqual([
    "the account's quota of private images is used up: 0 of 0",
    "the account's quota of instances is used up: 0 of 0",
    "the account's quota of public addresses is used up: 0 of 0",
    expect.stringContaining("IMG.0058"),
    expect.stringContaining("WARM"),
  ]);
  for (const { steps } of problems) expect(steps.length).toBeGreaterThan(0);
});

test("a question that cannot be answered does not keep the others from being asked", async () => {
  const problems = await check({ quotas: { instances: 0 } }, ({ world }) => {
    world.faults.add({ on: "ims.ShowImageQuota", fault: { kind: "error", code: "IMG.0001" }, times: 1 });
  });
  expect(problems.map(({ what }) => what)).toEqual([
    expect.stringContaining("IMG.0001"),
    expect.stringContaining("quota of instances"),
  ]);
});

test("keys that are unknown and clocks that are wrong are told as such", async () => {
  const [unknown] = await check({}, ({ keys, account }) => keys.remove(account.key.accessKeyId));
  expect(unknown?.what).toContain("APIGW.0301");
  expect(unknown?.steps.join()).toContain("access key");
  const [skewed] = await check({}, ({ clock }) => clock.setSkew(3_600_000));
  expect(skewed?.what).toMatch(/expired/);
  expect(skewed?.steps.join()).toContain("clock");
});
