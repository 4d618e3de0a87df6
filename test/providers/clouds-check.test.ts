import { beforeAll, describe, expect, test } from "vitest";
import { CloudimgError } from "../../src/core/errors.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import { clouds } from "../../src/providers/clouds.ts";
import type { Trouble } from "../../src/rehearsal/troubles.ts";
import { cloudNames, inCloud } from "./clouds-play.ts";

// What is wrong with an account is told before anything is built, made or uploaded: each problem in the vendor's words, with its code and request, and what to do.

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

interface Told {
  /** Each is in the first problem's message. */
  readonly says: readonly RegExp[];
  readonly hint: RegExp;
}

const cases: readonly (readonly [Trouble, Partial<Record<CloudName, Told>>])[] = [
  [
    "wrong-key",
    {
      tencent: { says: [/AuthFailure\.SignatureFailure/, /request [\w-]{36}/], hint: /compare the SecretId/ },
      alibaba: { says: [/SignatureDoesNotMatch, request [\w-]{36}/], hint: /access key in the RAM console/ },
      huawei: { says: [/APIGW\.0301, request rehearsal-\d/], hint: /compare the access key/ },
    },
  ],
  [
    "expired-token",
    {
      tencent: { says: [/AuthFailure\.TokenFailure/], hint: /temporary keys have expired/ },
      alibaba: { says: [/InvalidSecurityToken\.Expired/], hint: /expired/ },
      huawei: { says: [/securityToken has expired \(APIGW\.0301/], hint: /temporary keys have expired/ },
    },
  ],
  [
    "clock-skew",
    {
      tencent: { says: [/AuthFailure\.SignatureExpire/], hint: /set this host's clock/ },
      alibaba: { says: [/InvalidTimeStamp\.Expired/], hint: /set this host's clock/ },
      huawei: { says: [/APIGW\.0301/], hint: /set this host's clock/ },
    },
  ],
  [
    "no-bucket",
    {
      tencent: { says: [/COS answers 404, NoSuchBucket/, /request [0-9A-F]{24}/], hint: /make the bucket/ },
      alibaba: { says: [/OSS answers 404, NoSuchBucket/, /request [0-9A-F]{24}/], hint: /make the bucket/ },
      huawei: { says: [/OBS answers 404, NoSuchBucket/, /request [0-9A-F]{24}/], hint: /make the bucket/ },
    },
  ],
  [
    "other-region",
    {
      // COS has a host for each region: from there it cannot be seen at all.
      tencent: { says: [/COS answers 404, NoSuchBucket/], hint: /in the region of the image/ },
      alibaba: { says: [/OSS answers 403, AccessDenied/], hint: /name the region of the bucket/ },
      huawei: { says: [/OBS answers 301, PermanentRedirect/], hint: /name the region of the bucket/ },
    },
  ],
  ["archive-bucket", { huawei: { says: [/of the class ARCHIVE/], hint: /class Standard in cn-north-4/ } }],
  [
    "no-role",
    { alibaba: { says: [/NoSetRoletoECSServiceAcc?ount, request/], hint: /AliyunECSImageImportDefaultRole/ } },
  ],
  [
    "image-quota",
    {
      tencent: { says: [/all 0 images/], hint: /remove images.*\n.*higher quota/ },
      alibaba: { says: [/QuotaExceed\.Image, request/], hint: /remove .*ask for more/ },
      huawei: { says: [/quota of private images is used up: 0 of 0/], hint: /cloudimg images --provider huawei/ },
    },
  ],
  ["instance-quota", { huawei: { says: [/quota of instances is used up/], hint: /cloudimg instances/ } }],
];

const rows = cases.flatMap(([trouble, told]) =>
  cloudNames.flatMap((name) => (told[name] === undefined ? [] : [[trouble, name, told[name]] as const])),
);

test.each(rows)("%s at %s", async (trouble, name, { says, hint }) => {
  await inCloud(name, { troubles: [trouble] }, async ({ publish, rehearsal }) => {
    let builds = 0;
    const { error, run, events } = await publish({}, { onBuild: () => void builds++ });
    expect(error).toBeInstanceOf(CloudimgError);
    const [problem] = (error as CloudimgError).problems;
    for (const pattern of says) expect(problem.message).toMatch(pattern);
    expect(problem.hint).toMatch(hint);
    for (const each of (error as CloudimgError).problems) expect(each.hint, each.message).toBeTruthy();
    expect((error as CloudimgError).exitCode).toBe(7);
    expect([builds, run, rehearsal.left(), rehearsal.made()]).toEqual([0, undefined, [], []]);
    expect(events.length).toBeGreaterThan(0);
  });
});

describe("all that is wrong is told at once", () => {
  test.each([
    ["alibaba", ["no-role", "no-bucket"]],
    ["huawei", ["image-quota", "instance-quota", "archive-bucket"]],
  ] as const)("%s: %j", async (name, troubles) => {
    await inCloud(name, { troubles }, async ({ publish }) => {
      const { error } = await publish();
      expect((error as CloudimgError).problems.length).toBe(troubles.length);
      expect((error as CloudimgError).problems.map(({ code }) => code)).toEqual(troubles.map(() => "cloud/not-ready"));
    });
  });
});

test.each(cloudNames)("%s: without credentials it is said where they are looked for", async (name) => {
  const environment = { HOME: "/nonexistent", USERPROFILE: "/nonexistent" };
  const asking = clouds[name].credentials(environment);
  await expect(asking).rejects.toMatchObject({ code: "cloud/no-credentials", exitCode: 7 });
  const error = await asking.catch((error: CloudimgError) => error);
  const { hint } = (error as CloudimgError).problems[0];
  expect(hint).toMatch(/TENCENTCLOUD_SECRET_ID|ALIBABA_CLOUD_ACCESS_KEY_ID|HUAWEICLOUD_SDK_AK/);
});
