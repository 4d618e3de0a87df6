import { inspect } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { storeDialects } from "../../src/providers/dialects.ts";
import { presignCos, presignSigV4 } from "../../src/providers/s3-presign.ts";
import { s3Store } from "../../src/providers/s3-store.ts";
import { planUpload, rangeOf } from "../../src/providers/upload-plan.ts";
import { startTestStore, type TestStore } from "./s3-server.ts";
import { type Fixture, loopback, testCredentials, uploadFixture } from "./upload-fixture.ts";

const { tencent, alibaba, huawei } = storeDialects;
const mib = 1024 * 1024;

describe("dialects", () => {
  test("endpoints by region", () => {
    expect(tencent.endpoint("ap-guangzhou")).toBe("cos.ap-guangzhou.myqcloud.com");
    expect(alibaba.endpoint("cn-hangzhou")).toBe("s3.oss-cn-hangzhou.aliyuncs.com");
    expect(huawei.endpoint("cn-north-4")).toBe("obs.cn-north-4.myhuaweicloud.com");
  });

  test.each([
    [
      tencent,
      ["images-1250000000", "a-1250000000"],
      ["images", "Images-1250000000", "-a-1250000000", "a_b-1250000000"],
    ],
    [alibaba, ["abc", "a-1"], ["ab", "-ab", "ab-", "a.b", "Abc", "a".repeat(64)]],
    [huawei, ["abc", "a-1"], ["ab", "-ab", "ab-", "a.b", "Abc", "a".repeat(64)]],
  ] as const)("bucket names of $name", ({ bucketName }, right, wrong) => {
    for (const name of right) expect(bucketName.test(name), name).toBe(true);
    for (const name of wrong) expect(bucketName.test(name), name).toBe(false);
  });

  test("a bucket of an illegal name is refused before anything is sent, in words", async () => {
    const store = s3Store(tencent, testCredentials, loopback(1));
    const signal = new AbortController().signal;
    const context = { emit: () => {}, signal, directories: { cache: "", data: "" }, environment: {}, jobs: 1 };
    await expect(store.checkBucket("images", context)).rejects.toThrow("the account's APPID at its end");
    await expect(store.remove("a/b", "key", context)).rejects.toMatchObject({ code: "cloud/refused" });
    const object = { bucket: "x.evil.example/", key: "k", sizeBytes: 1, sha256: "" };
    await expect(store.signedUrl(object, 60)).rejects.toMatchObject({ code: "cloud/refused" });
  });

  test("no region, or none that can be part of a host name, is an error at once", () => {
    expect(() => s3Store(tencent, { ...testCredentials, region: undefined }, loopback(1))).toThrow(
      "no region is named",
    );
    expect(() => s3Store(tencent, testCredentials, loopback(1), { region: "x.evil.example/" })).toThrow("is no region");
  });

  test("a store shows no secrets", () => {
    expect(inspect(s3Store(tencent, testCredentials, loopback(1)), { depth: 9 })).not.toContain(
      testCredentials.secretAccessKey,
    );
  });
});

describe("the cut into parts", () => {
  test.each([
    [1, 8 * mib, 1],
    [8 * mib, 8 * mib, 1],
    [8 * mib + 1, 8 * mib, 2],
    [9000 * 8 * mib, 8 * mib, 9000],
    [9000 * 8 * mib + 1, 9 * mib, 8001],
    [500 * 1024 * mib, 57 * mib, 8983],
  ])("%i bytes: parts of %i, %i of them", (sizeBytes, partSizeBytes, partCount) => {
    expect(planUpload(sizeBytes, tencent)).toEqual({ sizeBytes, partSizeBytes, partCount });
  });

  test("covers each byte once, within the limits of each store", () => {
    const sizes = fc.oneof(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 1, max: 40 * 1024 ** 4 }));
    fc.assert(
      fc.property(sizes, fc.constantFrom(tencent, alibaba, huawei), (sizeBytes, dialect) => {
        const plan = planUpload(sizeBytes, dialect);
        expect(plan.partCount).toBeLessThanOrEqual(dialect.mostParts);
        expect(plan.partSizeBytes).toBeGreaterThanOrEqual(dialect.leastPartBytes);
        const last = rangeOf(plan, plan.partCount);
        expect(last.offsetBytes + last.lengthBytes).toBe(sizeBytes);
        expect(last.lengthBytes).toBeGreaterThan(0);
      }),
    );
  });

  test("is refused for what no store holds", () => {
    expect(() => planUpload(60 * 1024 ** 4, tencent)).toThrow("takes no object of that size");
  });
});

describe("links", () => {
  test("Amazon's worked example", () => {
    // "Authenticating Requests: Using Query Parameters", the example at its end.
    const url = presignSigV4({
      host: "examplebucket.s3.amazonaws.com",
      path: "/test.txt",
      region: "us-east-1",
      credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
      nowMs: Date.UTC(2013, 4, 24),
      lifetimeSeconds: 86_400,
    });
    expect(url).toMatch(/X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404$/);
  });

  test("COS's form", () => {
    const url = presignCos({
      host: "images-1250000000.cos.ap-guangzhou.myqcloud.com",
      path: "/a b/c.qcow2",
      region: "ap-guangzhou",
      credentials: { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "t/+=" },
      nowMs: 1_500_000_000_500,
      lifetimeSeconds: 60,
    });
    expect(url).toMatch(
      /^https:\/\/images-1250000000\.cos\.ap-guangzhou\.myqcloud\.com\/a%20b\/c\.qcow2\?q-sign-algorithm=sha1&q-ak=AKID&q-sign-time=1500000000;1500000060&q-key-time=1500000000;1500000060&q-header-list=host&q-url-param-list=&q-signature=[0-9a-f]{40}&x-cos-security-token=t%2F%2B%3D$/,
    );
  });

  test("the signature of links is a choice, and the clock is the connection's", async () => {
    const connection = { ...loopback(1), now: () => Date.UTC(2030, 0, 1) };
    const object = { bucket: "images-1250000000", key: "k", sizeBytes: 1, sha256: "" };
    expect(await s3Store(tencent, testCredentials, connection).signedUrl(object, 60)).toContain(
      "q-sign-time=1893456000;",
    );
    expect(
      await s3Store(tencent, testCredentials, connection, { presigning: "sigv4" }).signedUrl(object, 60),
    ).toContain("X-Amz-Date=20300101T000000Z");
  });
});

describe("checks of buckets", () => {
  let server: TestStore;
  let fixture: Fixture;

  beforeEach(async () => {
    server = await startTestStore();
    fixture = uploadFixture(server.port, 1);
  });

  afterEach(async () => {
    fixture[Symbol.dispose]();
    await server.close();
  });

  const check = () => fixture.store().checkBucket("images-1250000000", fixture.context());

  test("say where it is, and its class", async () => {
    expect(await check()).toEqual({ region: "ap-guangzhou", storageClass: "STANDARD" });
  });

  test("a bucket that is in another region", async () => {
    const elsewhere = fixture.store({ region: "ap-beijing" }).checkBucket("images-1250000000", fixture.context());
    await expect(elsewhere).rejects.toMatchObject({
      code: "cloud/store-region",
      message: expect.stringContaining("it is in ap-guangzhou, not in ap-beijing"),
    });
  });

  test.each([
    ["RequestTimeTooSkewed", 403, "cloud/clock"],
    ["SignatureDoesNotMatch", 403, "cloud/credentials"],
    ["AccessDenied", 403, "cloud/denied"],
    ["NoSuchBucket", 404, "cloud/not-found"],
  ])("%s, of which HEAD says the status only", async (code, status, expected) => {
    server.fault = () => ({ status, code });
    await expect(check()).rejects.toMatchObject({ code: expected, message: expect.stringContaining(code) });
  });

  test("who may not ask for the location may still use the bucket", async () => {
    server.fault = ({ operation }) => (operation === "HeadBucket" ? undefined : { status: 403, code: "AccessDenied" });
    expect(await check()).toMatchObject({ region: "ap-guangzhou" });
    server.fault = ({ operation }) => (operation === "HeadBucket" ? { status: 403 } : undefined);
    await expect(check()).rejects.toMatchObject({ code: "cloud/denied" });
  });

  test("the SDK's own sources of settings have no say", async () => {
    const before = { ...process.env };
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: "stray",
      AWS_SECRET_ACCESS_KEY: "stray",
      AWS_REGION: "eu-central-1",
      AWS_ENDPOINT_URL: "http://127.0.0.1:1",
      AWS_REQUEST_CHECKSUM_CALCULATION: "WHEN_SUPPORTED",
      AWS_USE_FIPS_ENDPOINT: "true",
      AWS_PROFILE: "not-there",
    });
    try {
      await fixture.store().upload(fixture.request(), fixture.context());
    } finally {
      process.env = before;
    }
    for (const { headers, host } of server.seen) {
      expect(headers["authorization"]).toContain("Credential=AKIDEXAMPLE/");
      expect(headers["authorization"]).toContain("/ap-guangzhou/s3/");
      expect(host).toBe("images-1250000000.cos.ap-guangzhou.myqcloud.com");
      expect(headers["x-amz-checksum-crc32"]).toBeUndefined();
    }
  });
});
