import { createHash, createHmac } from "node:crypto";
import { Client } from "tencentcloud-sdk-nodejs/tencentcloud/services/cvm/v20170312/cvm_client.js";
import { expect, test } from "vitest";
import { headerOf, type WireRequest } from "../../src/rehearsal/http-server.ts";
import { verifyTc3 } from "../../src/rehearsal/signatures/tc3.ts";
import {
  agentTo,
  captured,
  everyByteCounts,
  expectRefusal,
  judgeAt,
  key,
  temporary,
  withHeader,
} from "./signatures.ts";

const minuteMs = 60_000;

async function sent(
  endpoint: (port: number) => string,
  { accessKeyId, secret, sessionToken }: typeof key & { sessionToken?: string } = key,
  reqMethod: "POST" | "GET" = "POST",
): Promise<WireRequest> {
  const answer = JSON.stringify({ Response: { RequestId: "r", ImageSet: [], TotalCount: 0 } });
  const [request] = await captured({ status: 200, body: answer }, (port) =>
    new Client({
      credential: {
        secretId: accessKeyId,
        secretKey: secret,
        ...(sessionToken === undefined ? {} : { token: sessionToken }),
      },
      region: "ap-guangzhou",
      profile: { httpProfile: { endpoint: endpoint(port), protocol: "http://", agent: agentTo(port), reqMethod } },
    }).DescribeImages({ Filters: [{ Name: "image-name", Values: ["ü & 'x'"] }], Limit: 10 }),
  );
  return request as WireRequest;
}

test("what the vendor's SDK sends is accepted, under its name and under an address with a port", async () => {
  for (const endpoint of [
    () => "cvm.tencentcloudapi.com",
    (port: number) => `127.0.0.1:${port}`,
    (port: number) => `cvm.tencentcloudapi.com:${port}`,
  ]) {
    const request = await sent(endpoint);
    expect(headerOf(request, "x-tc-action")).toBe("DescribeImages");
    expect(verifyTc3(request, judgeAt())).toEqual({ ok: true, accessKeyId: key.accessKeyId });
  }
  const get = await sent(() => "cvm.tencentcloudapi.com", key, "GET");
  expect([get.method, verifyTc3(get, judgeAt())]).toEqual(["GET", { ok: true, accessKeyId: key.accessKeyId }]);
});

test("every changed byte of what is signed is refused", async () => {
  const request = await sent(() => "cvm.tencentcloudapi.com");
  everyByteCounts(
    request,
    ["authorization", "content-type", "host", "x-tc-timestamp"],
    (changed) => verifyTc3(changed, judgeAt()),
    (part, text) => (part === "host" || part === "content-type" ? text.toLowerCase() : text),
  );
});

test("a wrong clock, key, day or form is refused in the vendor's words, with HTTP 200", async () => {
  const request = await sent(() => "cvm.tencentcloudapi.com");
  for (const offMs of [-6 * minuteMs, 6 * minuteMs]) {
    expectRefusal(verifyTc3(request, judgeAt(Date.now() + offMs)), "AuthFailure.SignatureExpire", 200);
  }
  expect(verifyTc3(request, judgeAt(0, Date.now() + 4 * minuteMs))).toMatchObject({ ok: true });
  expectRefusal(verifyTc3(request, { ...judgeAt(), keyOf: () => undefined }), "AuthFailure.SecretIdNotFound", 200);
  expectRefusal(verifyTc3(request, { ...judgeAt(), keyOf: () => ({ secret: "x" }) }), "AuthFailure.SignatureFailure");
  expectRefusal(verifyTc3(withHeader(request, "x-tc-timestamp", undefined), judgeAt()), "MissingParameter");
  const authorization = headerOf(request, "authorization") as string;
  for (const broken of [
    undefined,
    "Bearer x",
    authorization.replace("/tc3_request", ""),
    authorization.replace("content-type;host", "host"),
    `${authorization}, Signature=00`,
  ]) {
    expectRefusal(
      verifyTc3(withHeader(request, "authorization", broken), judgeAt()),
      "AuthFailure.InvalidAuthorization",
      200,
    );
  }
});

test("a day that is not the timestamp's is refused although all is signed with it", () => {
  const seconds = 1_763_700_000;
  expect(verifyTc3(signed("2025-11-21", seconds), judgeAt(seconds * 1000))).toMatchObject({ ok: true });
  expectRefusal(verifyTc3(signed("2025-11-20", seconds), judgeAt(seconds * 1000)), "AuthFailure.SignatureFailure");
});

test("temporary keys need their token, in time", async () => {
  const request = await sent(() => "cvm.tencentcloudapi.com", temporary);
  expect(verifyTc3(request, judgeAt())).toEqual({ ok: true, accessKeyId: temporary.accessKeyId });
  const code = "AuthFailure.TokenFailure";
  expectRefusal(verifyTc3(withHeader(request, "x-tc-token", undefined), judgeAt()), code, 200);
  expectRefusal(verifyTc3(withHeader(request, "x-tc-token", "other"), judgeAt()), code);
  const expiresAtMs = Date.now() - 1;
  const expired = { ...judgeAt(), keyOf: () => ({ ...temporary, expiresAtMs }) };
  expectRefusal(verifyTc3(request, expired), code);
  const lasting = await sent(() => "cvm.tencentcloudapi.com");
  expectRefusal(verifyTc3(withHeader(lasting, "x-tc-token", "t"), judgeAt()), code);
});

/** Written from the documentation. */
function signed(day: string, seconds: number): WireRequest {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const hmac = (secret: string | Buffer, text: string) => createHmac("sha256", secret).update(text).digest();
  const host = "cvm.tencentcloudapi.com";
  const canonical = `POST\n/\n\ncontent-type:application/json\nhost:${host}\n\ncontent-type;host\n${sha256("{}")}`;
  const toSign = `TC3-HMAC-SHA256\n${seconds}\n${day}/cvm/tc3_request\n${sha256(canonical)}`;
  const signing = hmac(hmac(hmac(`TC3${key.secret}`, day), "cvm"), "tc3_request");
  const credential = `${key.accessKeyId}/${day}/cvm/tc3_request`;
  return {
    method: "POST",
    path: "/",
    query: "",
    host,
    headers: [
      ["Host", host],
      ["Content-Type", "application/json"],
      ["X-TC-Timestamp", String(seconds)],
      [
        "Authorization",
        `TC3-HMAC-SHA256 Credential=${credential}, SignedHeaders=content-type;host, Signature=${hmac(signing, toSign).toString("hex")}`,
      ],
    ],
    body: Buffer.from("{}"),
  };
}
