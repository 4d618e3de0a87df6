import { expect, test } from "vitest";
import { conceal } from "../../../src/providers/credentials.ts";
import { temporaryKey } from "../../../src/rehearsal/accounts.ts";
import { account, availableImage, importRequest, makeWorld, region } from "./world.ts";

const whats = (problems: readonly { what: string }[]) => problems.map(({ what }) => what);

test("nothing to complain of, and nothing made", async () => {
  // The object is not there yet when it is checked.
  const early = await makeWorld({ cloud: { imageName: "fine" } });
  expect(await early.cloud.check(early.context)).toEqual([]);
  const source = { bucket: () => ({ region }), openObject: async () => "/object" };
  const world = await makeWorld({ cloud: { imageName: "fine" }, source });
  expect(await world.cloud.check(world.context)).toEqual([]);
  expect(world.ecs.ledger()).toEqual([]);
  expect(world.ecs.calls().at(-1)?.answer).toMatchObject({ Code: "DryRunOperation" });
});

test("all problems at once: the bucket's region, the name, the role with its two steps", async () => {
  const store = { checkBucket: async () => ({ region: "oss-cn-beijing", storageClass: "Archive" }) };
  const world = await makeWorld({ cloud: { imageName: "acs:1", store } });
  world.ecs.state.hasImportRole = false;
  const problems = await world.cloud.check(world.context);
  expect(whats(problems)).toEqual([
    expect.stringContaining('"acs:1" cannot be the name'),
    expect.stringContaining("bucket images is in cn-beijing"),
    expect.stringContaining("stores as Archive"),
    expect.stringContaining("NoSetRoletoECSServiceAcount"),
  ]);
  const { steps = [] } = problems.at(-1) ?? {};
  expect(steps).toHaveLength(2);
  expect(steps[0]).toContain("AliyunECSImageImportDefaultRole");
  expect(steps[0]).toContain('"Service":["ecs.aliyuncs.com"]');
  expect(steps[1]).toContain("AliyunECSImageImportRolePolicy");
});

test("a quota that is used up, a name that is taken", async () => {
  const world = await makeWorld({ cloud: { imageName: "demo-1" } });
  await availableImage(world, importRequest());
  expect(whats(await world.cloud.check(world.context))).toEqual([
    expect.stringContaining("InvalidImageName.Duplicated"),
  ]);
  world.ecs.state.imageQuota = 1;
  const other = await makeWorld({ cloud: { imageName: "other" } });
  other.ecs.state.imageQuota = 0;
  expect(whats(await other.cloud.check(other.context))).toEqual([expect.stringContaining("QuotaExceed.Image")]);
});

test("a region that is none: those that are", async () => {
  const world = await makeWorld({ cloud: { region: "cn-nowhere" } });
  expect(await world.cloud.check(world.context)).toEqual([
    {
      severity: "error",
      what: "the account has no region cn-nowhere",
      steps: [expect.stringMatching(/^Choose one of these: .*, cn-beijing, .*, cn-hangzhou, .*\.$/)],
    },
  ]);
});

const key = account.key;
test.each([
  ["an unknown key", { accessKeyId: "LTAInobody", secretAccessKey: key.secret }, "InvalidAccessKeyId.NotFound"],
  ["a wrong secret", { accessKeyId: key.accessKeyId, secretAccessKey: "wrong" }, "SignatureDoesNotMatch"],
  [
    "a token of other keys",
    { accessKeyId: key.accessKeyId, secretAccessKey: key.secret, sessionToken: "other" },
    "InvalidSecurityToken",
  ],
])("credentials: %s", async (_, keys, code) => {
  const world = await makeWorld({ cloud: { credentials: conceal({ ...keys, origin: "a test" }) } });
  const problems = await world.cloud.check(world.context);
  expect(whats(problems)).toEqual([expect.stringContaining(code)]);
  const all = JSON.stringify([problems, world.events]);
  for (const secret of [keys.secretAccessKey, "other"].filter((secret) => secret !== "wrong" && secret !== "other")) {
    expect(all).not.toContain(secret);
  }
  await expect(world.cloud.images.find({}, world.context)).rejects.toMatchObject({ code: "cloud/credentials" });
});

test("temporary keys work until they expire", async () => {
  const expiresAtMs = Date.now() + 3600_000;
  const temporary = temporaryKey("alibaba", expiresAtMs, "tests");
  const { accessKeyId, secret: secretAccessKey, sessionToken } = temporary;
  const credentials = conceal({ accessKeyId, secretAccessKey, sessionToken, region, origin: "a test" });
  const world = await makeWorld({ cloud: { credentials }, keys: { add() {}, remove() {}, keyOf: () => temporary } });
  expect(await world.cloud.check(world.context)).toEqual([]);
});

test("a clock that is wrong", async () => {
  const world = await makeWorld();
  world.clock.setSkew(3600_000);
  await expect(world.cloud.images.find({}, world.context)).rejects.toMatchObject({
    code: "cloud/clock",
    message: expect.stringContaining("InvalidTimeStamp.Expired"),
  });
});

test("nobody there: tried six times, then told with the host", async () => {
  const world = await makeWorld({ fault: () => "drop" });
  await expect(world.cloud.images.find({}, world.context)).rejects.toMatchObject({
    code: "cloud/unreachable",
    message: expect.stringContaining("no answer from ecs-cn-hangzhou.aliyuncs.com"),
  });
  expect(world.ecs.calls()).toHaveLength(6);
});

test("a Ctrl-C ends a call, and its waits", async () => {
  const world = await makeWorld({ fault: () => ({ status: 503, code: "ServiceUnavailable" }) });
  const stop = new AbortController();
  const context = { ...world.context, signal: stop.signal, emit: () => stop.abort(new Error("interrupted")) };
  await expect(world.cloud.images.find({}, context)).rejects.toThrow("interrupted");
  expect(world.ecs.calls()).toHaveLength(1);
});
