import { describe, expect, test } from "vitest";
import { CloudimgError } from "../../../src/core/errors.ts";
import { hostOf } from "../../../src/providers/tencent/api.ts";
import { credentialsOf, makeAccount, temporaryKey } from "../../../src/rehearsal/accounts.ts";
import { rehearse } from "../../rehearsal/tencent-fixture.ts";

const account = makeAccount("tencent", "test");

describe("what passes is tried again", () => {
  test.each([
    "RequestLimitExceeded",
    "InternalError",
    "InternalServerError",
    "ServiceUnavailable",
    500,
    502,
    429,
    "drop",
  ])("%s", async (what) => {
    const { cloud, context, world, asked } = await rehearse();
    world.faults.push({ action: "DescribeImages", what, times: 3 });
    expect(await cloud.images.find({}, context)).toEqual([]);
    expect(world.faults[0]?.times).toBe(0);
    expect(asked("DescribeImages").at(-1)?.response).toHaveProperty("ImageSet");
  });

  test("with pauses that grow, six times in all; then it is said what stood in the way", async () => {
    const { cloud, context, world, clock } = await rehearse();
    world.faults.push({ action: "DescribeImages", what: 503, times: 100 });
    const startMs = clock.now();
    await expect(cloud.images.find({}, context)).rejects.toMatchObject({
      code: "cloud/unreachable",
      message: expect.stringMatching(/^cannot list the images of ap-guangzhou: HTTP 503 .*\(DescribeImages\)$/),
    });
    expect(world.faults[0]?.times).toBe(94);
    expect(clock.now() - startMs).toBe(500 + 1000 + 2000 + 4000 + 8000);
  });

  test("an end of the run ends the pauses", async () => {
    const { cloud, context, world } = await rehearse();
    world.faults.push({ action: "DescribeImages", what: 503, times: 100 });
    const stop = new AbortController();
    const emit = () => stop.abort(new Error("stopped"));
    await expect(cloud.images.find({}, { ...context, emit, signal: stop.signal })).rejects.toThrow("stopped");
    expect(world.faults[0]?.times).toBe(99);
  });
});

describe("what does not pass is not", () => {
  test.each([
    ["AuthFailure.SecretIdNotFound", "cloud/credentials"],
    ["AuthFailure.TokenFailure", "cloud/credentials"],
    ["AuthFailure.SignatureExpire", "cloud/clock"],
    ["AuthFailure.UnauthorizedOperation", "cloud/denied"],
    ["UnauthorizedOperation.PermissionDenied", "cloud/denied"],
    ["ImageQuotaLimitExceeded", "cloud/quota"],
    ["InvalidImageId.NotFound", "cloud/not-found"],
    ["InvalidZone.MismatchRegion", "cloud/refused"],
    ["InvalidParameterValue.TagKeyNotFound", "cloud/refused"],
    ["SomethingNew.NeverSeen", "cloud/refused"],
  ])("%s is %s", async (what, code) => {
    const { cloud, context, world } = await rehearse();
    world.faults.push({ action: "DescribeImages", what, times: 9 });
    const error = await cloud.images.find({}, context).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringContaining(what) });
    expect((error as CloudimgError).message).toMatch(/request [0-9a-f-]{36}\)$/);
    expect(world.faults[0]?.times).toBe(8);
  });
});

test("temporary keys go with their token, and end in time", async () => {
  const key = temporaryKey("tencent", Date.now() + 3_600_000, "test");
  const rehearsal = await rehearse({}, { credentials: credentialsOf(account, "ap-guangzhou", key) });
  const { cloud, context, keys } = rehearsal;
  keys.add(key);
  expect(await cloud.images.find({}, context)).toEqual([]);
  keys.add({ ...key, expiresAtMs: 0 });
  await expect(cloud.images.find({}, context)).rejects.toMatchObject({ code: "cloud/credentials" });
});

test("secrets are in no error, event or thing that is printed", async () => {
  const { cloud, context, world } = await rehearse();
  world.faults.push(
    { action: "*", what: 500, times: 2 },
    { action: "*", what: "AuthFailure.SignatureFailure", times: 9 },
  );
  const error = await cloud.images.find({}, context).catch((thrown: unknown) => thrown);
  const { inspect } = await import("node:util");
  const printed = inspect({ error, events: context.events, cloud }, { depth: 20, showHidden: true });
  expect(error).toBeInstanceOf(CloudimgError);
  expect(printed).not.toContain(account.key.secret);
});

test("financial regions are asked at their own hosts", () => {
  expect(hostOf("cvm", "ap-guangzhou")).toBe("cvm.tencentcloudapi.com");
  expect(hostOf("vpc", "ap-shanghai-fsi")).toBe("vpc.ap-shanghai-fsi.tencentcloudapi.com");
  expect(hostOf("cam", "ap-shanghai-fsi")).toBe("cam.tencentcloudapi.com");
});
