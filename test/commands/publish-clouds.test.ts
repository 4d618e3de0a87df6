import { expect, test } from "vitest";
import type { CloudName } from "../../src/providers/cloud.ts";
import { publishing } from "./publishing.ts";

const names: readonly CloudName[] = ["tencent", "alibaba", "huawei"];

test.each(names)("%s: an image is published, checked and told of; nothing is left", async (name) => {
  const { outcomes, played } = await publishing([name]);
  const [{ facts, error } = { facts: undefined, error: "none" }] = outcomes;
  expect(error).toBeUndefined();
  expect(facts).toMatchObject({
    outcome: "done",
    errors: [],
    images: [{ name: expect.stringMatching(/^probe-[0-9a-f]{12}$/), existed: false }],
    instance: { address: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/), instanceType: expect.any(String) },
    hostKeyFingerprint: expect.stringMatching(/^SHA256:/),
    leftInCloud: [],
  });
  expect(facts?.checks.map(({ name, ok }) => [name, ok])).toEqual([
    ["ssh: hostname", true],
    ["ssh: cat /etc/os-release", true],
    ["http: GET /", true],
  ]);
  expect(facts?.ledger.map(({ kind, state }) => `${kind} ${state}`).sort()).toEqual(
    expect.arrayContaining(["image kept", "instance removed", "object removed"]),
  );
  expect(facts?.ledger.filter(({ state }) => state === "left")).toEqual([]);
  const steps = facts?.steps.map(({ id }) => id);
  expect(steps).toEqual(
    expect.arrayContaining(["check", "check-image", "upload", "import", "launch", "boot", "smoke-checks", "clean-up"]),
  );
  expect(steps?.indexOf("check")).toBeLessThan(steps?.indexOf("check-image") ?? 0);
  expect(played.get(name)?.defects()).toEqual([]);
  expect(
    played
      .get(name)
      ?.left()
      .filter(({ kind }) => kind === "instance"),
  ).toEqual([]);
});

test("one profile to all three: built once, each told apart", async () => {
  const { outcomes, events, builds } = await publishing(names);
  expect(outcomes.map(({ facts, error }) => [facts.title, facts.outcome, facts.leftInCloud, error])).toEqual([
    ["Tencent Cloud", "done", [], undefined],
    ["Alibaba Cloud", "done", [], undefined],
    ["Huawei Cloud", "done", [], undefined],
  ]);
  expect(builds()).toBe(1);
  expect(events).toContainEqual(
    expect.objectContaining({
      type: "step-start",
      id: "alibaba.launch",
      title: expect.stringMatching(/^Alibaba Cloud: /),
    }),
  );
});

test.each(names)("%s: published again, the image is found, and nothing is imported twice", async (name) => {
  const first = await publishing([name]);
  const again = await publishing([name], { played: first.played });
  const [before, after] = [first, again].map(({ outcomes }) => outcomes[0]?.facts);
  expect(again.outcomes[0]?.error).toBeUndefined();
  expect(after?.images).toEqual(before?.images.map((image) => ({ ...image, existed: true })));
  expect(after?.steps.map(({ id }) => id)).not.toContain("import");
  expect(after?.leftInCloud).toEqual([]);
  expect(
    first.played
      .get(name)
      ?.made()
      .filter(({ kind }) => kind === "image"),
  ).toHaveLength(1);
});

test.each(names)("%s: an image that does not pass its checks is removed, and all that was made", async (name) => {
  const profile = "smoke:\n  timeout: 1s\n  ssh:\n    - run: hostname\n  http:\n    - path: /\n      body: not there\n";
  const { outcomes, played } = await publishing([name], { profile });
  const [{ facts, error } = { facts: undefined, error: undefined }] = outcomes;
  expect(error).toMatchObject({ code: "check/failed", exitCode: 8 });
  expect(facts?.outcome).toBe("failed");
  expect(facts?.checks.map(({ name, ok }) => [name, ok])).toEqual([
    ["ssh: hostname", true],
    ["http: GET /", false],
  ]);
  expect(facts?.steps.filter(({ status }) => status === "failed").map(({ id }) => id)).toContain("smoke-checks");
  expect(facts?.ledger.filter(({ state }) => state !== "removed")).toEqual([]);
  expect(played.get(name)?.left()).toEqual([]);
});

test("an instance with another host key than its own is not trusted", async () => {
  const { outcomes, played } = await publishing(["tencent"], { machines: { hostKey: "other" } });
  expect(outcomes[0]?.error).toMatchObject({ code: "check/host-key" });
  expect(played.get("tencent")?.left()).toEqual([]);
});

test("an instance that never answers does not keep us for ever", async () => {
  const { outcomes, played } = await publishing(["huawei"], { machines: { neverAnswers: true } });
  expect(outcomes[0]?.error).toMatchObject({ code: "check/failed", exitCode: 8 });
  expect(played.get("huawei")?.left()).toEqual([]);
});

test("one cloud that fails does not stop the others", async () => {
  const { outcomes } = await publishing(["tencent", "huawei"], { troubles: { tencent: ["no-bucket"] } });
  expect(outcomes.map(({ facts }) => facts.outcome)).toEqual(["failed", "done"]);
  expect(outcomes[0]?.error).toMatchObject({ exitCode: 7 });
  expect(outcomes[0]?.facts.errors.length).toBeGreaterThan(0);
  expect(outcomes[0]?.facts.run).toBeUndefined();
  expect(outcomes[1]?.facts.leftInCloud).toEqual([]);
});

test("what a cloud's import would refuse is told before the upload", async () => {
  const { outcomes, played } = await publishing(["tencent"], { image: { hasRoot: false } });
  expect(outcomes[0]?.error).toMatchObject({
    code: "cloud/not-ready",
    message: expect.stringMatching(/^cannot publish the image: /),
  });
  expect(played.get("tencent")?.made()).toEqual([]);
});

test("a bucket that is not named is missed at its place in the profile, for all clouds at once", async () => {
  const profile = "provider:\n  name: [tencent, huawei]\n  tencent:\n    region: ap-guangzhou\n";
  const published = publishing(["tencent", "huawei"], { profile, real: true });
  await expect(published).rejects.toMatchObject({
    code: "profile/invalid",
    problems: [
      {
        where: { line: 8, column: 3, file: expect.stringContaining("probe.yaml") },
        hint: expect.stringContaining("NAME-APPID"),
      },
      {
        where: { line: 6, file: expect.stringContaining("probe.yaml") },
        message: expect.stringContaining("Huawei Cloud"),
      },
    ],
  });
});

test("missing credentials are told for each cloud", async () => {
  const { outcomes, builds } = await publishing(["alibaba"], {
    ...{ bucket: "images", region: "cn-hangzhou", real: true },
    environment: { HOME: "/nowhere" },
  });
  expect(outcomes[0]?.error).toMatchObject({ code: "cloud/no-credentials", exitCode: 7 });
  expect(outcomes[0]?.facts).toMatchObject({ outcome: "failed", run: undefined, images: [] });
  expect(builds()).toBe(0);
});

test("without any region a cloud is not asked", async () => {
  const { outcomes } = await publishing(["huawei"], {
    ...{ bucket: "images", real: true },
    environment: { HUAWEICLOUD_SDK_AK: "AK", HUAWEICLOUD_SDK_SK: "SK" },
  });
  expect(outcomes[0]?.error).toMatchObject({ code: "usage/arguments", message: expect.stringContaining("region") });
});

test("a Ctrl-C while the instance is checked ends it; the image waits for the next try", async () => {
  const stop = new AbortController();
  const { outcomes, played } = await publishing(["alibaba"], {
    signal: stop.signal,
    machines: { commands: () => void stop.abort(new Error("interrupted by SIGINT")) },
  });
  expect(outcomes[0]?.facts.outcome).toBe("interrupted");
  const kinds =
    played
      .get("alibaba")
      ?.left()
      .map(({ kind }) => kind) ?? [];
  expect(kinds).toContain("image");
  for (const kind of ["instance", "security-group", "key-pair", "address"]) expect(kinds).not.toContain(kind);
});

test("an instance that ends by itself is noticed while its checks are tried, and another one is launched", async () => {
  const profile = "smoke:\n  timeout: 60s\n  ssh:\n    - run: 'false'\n";
  const startMs = performance.now();
  const { outcomes, events, played } = await publishing(["huawei"], { profile, machines: { diesAfterMs: 500 } });
  expect(outcomes[0]?.error).toMatchObject({ code: "check/instance-died", exitCode: 8 });
  expect(performance.now() - startMs).toBeLessThan(20_000);
  expect(events.filter((event) => event.type === "log" && event.hint === "another one is launched")).toHaveLength(2);
  expect(played.get("huawei")?.left()).toEqual([]);
});

test.each([
  ["tencent", ["RunInstances=drop", "ImportImage=503*3", "s3.PutObject=500*2", "DescribeInstances=503%30"]],
  ["alibaba", ["RunInstances=drop", "ImportImage=503*3", "DescribeImages=500%30"]],
  ["huawei", ["*=503%10"]],
] as const)("%s: %j ends nothing, and makes nothing twice", async (name, rules) => {
  const { outcomes, played } = await publishing([name], { faults: { [name]: rules } });
  expect(outcomes[0]?.error).toBeUndefined();
  expect(outcomes[0]?.facts).toMatchObject({ outcome: "done", leftInCloud: [] });
  const made =
    played
      .get(name)
      ?.made()
      .map(({ kind }) => kind) ?? [];
  expect(made.filter((kind) => kind === "image" || kind === "instance").sort()).toEqual(["image", "instance"]);
});

test.each(names)("%s: no secret is in what is told, or in the journal", async (name) => {
  const { outcomes, events, played } = await publishing([name]);
  const told = JSON.stringify([outcomes, events]);
  const secret = played.get(name)?.account.key.secret ?? "";
  expect(secret.length).toBeGreaterThan(10);
  for (const text of [secret, "PRIVATE KEY", "Signature=", "q-signature="]) expect(told).not.toContain(text);
});

test("an image is copied to further regions, shared, and made its family's newest, after its checks", async () => {
  const profile = `provider:
  alibaba:
    copyTo: [cn-shanghai]
    shareWith: ["1234567890123456"]
publish:
  family: probe
smoke:
  ssh:
    - run: hostname
`;
  const { outcomes } = await publishing(["alibaba"], { profile });
  expect(outcomes[0]?.error).toBeUndefined();
  expect(outcomes[0]?.facts.images.map(({ region }) => region)).toEqual(["cn-hangzhou", "cn-shanghai"]);
  const steps = outcomes[0]?.facts.steps.map(({ id }) => id) ?? [];
  expect(steps.indexOf("promote")).toBeGreaterThan(steps.indexOf("smoke-checks"));
});
