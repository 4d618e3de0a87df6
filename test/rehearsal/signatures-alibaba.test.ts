import ecs, { DescribeImagesRequest, DescribeImagesRequestTag } from "@alicloud/ecs20140526";
import { $OpenApiUtil } from "@alicloud/openapi-core";
import { expect, test } from "vitest";
import { headerOf, type WireRequest } from "../../src/rehearsal/http-server.ts";
import { claimsAcs3, verifyAcs3 } from "../../src/rehearsal/signatures/acs3.ts";
import { makeNonceMemory } from "../../src/rehearsal/signatures/alibaba.ts";
import { verifyRpcV1 } from "../../src/rehearsal/signatures/rpc-v1.ts";
import type { Judge, Verdict } from "../../src/rehearsal/signatures/verdict.ts";
import { captured, everyByteCounts, expectRefusal, judgeAt, key, temporary, withHeader } from "./signatures.ts";

const minuteMs = 60_000;
type EcsClient = typeof ecs.default;
// The package is CommonJS: its client is the default of what Node takes for the default, and vitest sees through that.
const Ecs: EcsClient = typeof ecs === "function" ? (ecs as unknown as EcsClient) : ecs.default;

async function sent(
  { accessKeyId, secret, sessionToken }: typeof key & { sessionToken?: string } = key,
  signatureAlgorithm?: string,
): Promise<WireRequest> {
  const [request] = await captured(
    { status: 200, headers: { "content-type": "application/json" }, body: '{"RequestId":"r"}' },
    (port) =>
      new Ecs(
        new $OpenApiUtil.Config({
          accessKeyId,
          accessKeySecret: secret,
          ...(sessionToken === undefined ? {} : { securityToken: sessionToken }),
          endpoint: `127.0.0.1:${port}`,
          protocol: "HTTP",
          regionId: "cn-hangzhou",
          ...(signatureAlgorithm === undefined ? {} : { signatureAlgorithm }),
        }),
      ).describeImages(
        new DescribeImagesRequest({
          regionId: "cn-hangzhou",
          imageName: "a b+c/ü(1)!*'~&=%",
          tag: [new DescribeImagesRequestTag({ key: "cloudimg:run", value: "" })],
        }),
      ),
  );
  return request as WireRequest;
}

function acs3(request: WireRequest, judge: Judge = judgeAt()): Verdict {
  return verifyAcs3(request, judge, makeNonceMemory());
}

test("what the vendor's SDK sends is accepted, once", async () => {
  for (const using of [key, temporary]) {
    const request = await sent(using);
    const nonces = makeNonceMemory();
    expect(claimsAcs3(request)).toBe(true);
    expect(verifyAcs3(request, judgeAt(), nonces)).toEqual({ ok: true, accessKeyId: using.accessKeyId });
    expectRefusal(verifyAcs3(request, judgeAt(), nonces), "SignatureNonceUsed", 400);
  }
});

test("a nonce is remembered as long as its request could be in time, and a refused request uses none up", async () => {
  const nonces = makeNonceMemory();
  const request = await sent();
  const forged = { ...request, query: `${request.query}x` };
  expectRefusal(verifyAcs3(forged, judgeAt(), nonces), "SignatureDoesNotMatch", 400);
  expect(verifyAcs3(request, judgeAt(), nonces)).toMatchObject({ ok: true });
  const other = makeNonceMemory();
  expect(other.use("a", "n", 0)).toBe(true);
  expect(other.use("a", "n", 29 * minuteMs)).toBe(false);
  expect(other.use("b", "n", 29 * minuteMs)).toBe(true);
  expect(other.use("a", "n", 31 * minuteMs)).toBe(true);
});

test("every changed byte is refused", async () => {
  const request = await sent(temporary);
  const names = /SignedHeaders=([^,]+)/.exec(headerOf(request, "authorization") ?? "")?.[1]?.split(";") as string[];
  expect(names).toEqual(expect.arrayContaining(["host", "x-acs-action", "x-acs-date", "x-acs-security-token"]));
  everyByteCounts(request, [...names, "authorization"], (changed) => acs3(changed));
});

test("a wrong clock, key, body, or a header left out, is refused in the vendor's words", async () => {
  const request = await sent();
  for (const offMs of [-16 * minuteMs, 16 * minuteMs]) {
    expectRefusal(acs3(request, judgeAt(Date.now() + offMs)), "InvalidTimeStamp.Expired", 400);
  }
  expect(acs3(request, judgeAt(0, Date.now() + 14 * minuteMs))).toMatchObject({ ok: true });
  expectRefusal(acs3(request, { ...judgeAt(), keyOf: () => undefined }), "InvalidAccessKeyId.NotFound", 404);
  expectRefusal(acs3(request, { ...judgeAt(), keyOf: () => ({ secret: "x" }) }), "SignatureDoesNotMatch", 400);
  expectRefusal(acs3({ ...request, body: Buffer.from("x") }), "SignatureDoesNotMatch");
  expectRefusal(acs3(withHeader(request, "x-acs-date", "today")), "InvalidTimeStamp.Format", 400);
  expectRefusal(acs3(withHeader(request, "x-acs-signature-nonce", undefined)), "MissingParameter", 400);
  expectRefusal(acs3(withHeader(request, "x-acs-extra", "1")), "IncompleteSignature", 400);
  expectRefusal(acs3(withHeader(request, "authorization", "ACS3-HMAC-SHA256 x")), "IncompleteSignature", 400);
});

test("temporary keys need their token, in time", async () => {
  const request = await sent(temporary);
  const judged = (known: object) => acs3(request, { ...judgeAt(), keyOf: () => ({ ...temporary, ...known }) });
  expect(judged({ expiresAtMs: Date.now() + minuteMs })).toMatchObject({ ok: true });
  expectRefusal(judged({ expiresAtMs: Date.now() - 1 }), "InvalidSecurityToken.Expired", 400);
  expectRefusal(judged({ sessionToken: "other" }), "InvalidSecurityToken.MismatchWithAccessKey", 400);
  const lasting = await sent();
  expectRefusal(
    acs3(lasting, { ...judgeAt(), keyOf: () => ({ ...key, sessionToken: "t" }) }),
    "MissingSecurityToken",
    400,
  );
});

test("ACS3: the documentation's worked example", () => {
  const headers: [string, string][] = [
    ["host", "ecs.cn-shanghai.aliyuncs.com"],
    ["x-acs-action", "RunInstances"],
    ["x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["x-acs-date", "2023-10-26T10:22:32Z"],
    ["x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"],
    ["x-acs-version", "2014-05-26"],
  ];
  const authorization =
    "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
  const request: WireRequest = {
    method: "POST",
    path: "/",
    query: "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
    host: "ecs.cn-shanghai.aliyuncs.com",
    headers: [...headers, ["Authorization", authorization]],
    body: Buffer.alloc(0),
  };
  const judge = { keyOf: () => ({ secret: "YourAccessKeySecret" }), times: [Date.UTC(2023, 9, 26, 10, 22, 32)] };
  expect(acs3(request, judge)).toEqual({ ok: true, accessKeyId: "YourAccessKeyId" });
});

test("RPC v1: the documentation's worked example, and what the SDK sends when told to", async () => {
  const query =
    "Timestamp=2016-02-23T12%3A46%3A24Z&Format=XML&AccessKeyId=testid&Action=DescribeRegions&SignatureMethod=HMAC-SHA1&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&Version=2014-05-26&SignatureVersion=1.0&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D";
  const request: WireRequest = {
    method: "GET",
    path: "/",
    query,
    host: "ecs.aliyuncs.com",
    headers: [["Host", "ecs.aliyuncs.com"]],
    body: Buffer.alloc(0),
  };
  const judge: Judge = { keyOf: () => ({ secret: "testsecret" }), times: [Date.UTC(2016, 1, 23, 12, 46, 24)] };
  const verify = (changed: WireRequest) => verifyRpcV1(changed, judge, makeNonceMemory());
  expect(verify(request)).toEqual({ ok: true, accessKeyId: "testid" });
  everyByteCounts(request, [], verify);
  const nonces = makeNonceMemory();
  expect(verifyRpcV1(request, judge, nonces)).toMatchObject({ ok: true });
  expectRefusal(verifyRpcV1(request, judge, nonces), "SignatureNonceUsed", 400);
  expectRefusal(verify({ ...request, query: query.replace("HMAC-SHA1", "MD5") }), "IncompleteSignature");
  expectRefusal(verify({ ...request, body: Buffer.from("{}") }), "IncompleteSignature");
  expectRefusal(verify({ ...request, query: query.replace("Signature=", "Other=") }), "MissingParameter");

  const own = await sent(temporary, "v2");
  expect(own.query).toContain("SignatureMethod=HMAC-SHA1");
  expect(verifyRpcV1(own, judgeAt(), makeNonceMemory())).toEqual({ ok: true, accessKeyId: temporary.accessKeyId });
  expectRefusal(
    verifyRpcV1(own, { ...judgeAt(), keyOf: () => ({ ...temporary, sessionToken: "other" }) }, makeNonceMemory()),
    "InvalidSecurityToken.MismatchWithAccessKey",
  );
});
