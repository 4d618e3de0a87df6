import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import type { WireRequest } from "../../src/rehearsal/http-server.ts";
import { claimsCos, verifyCos } from "../../src/rehearsal/signatures/cos.ts";
import { verifySdkHmac } from "../../src/rehearsal/signatures/sdk-hmac.ts";
import { everyByteCounts, expectRefusal, judgeAt, key, sameWhenDecoded, temporary, withHeader } from "./signatures.ts";

const minuteMs = 60_000;
const atMs = Date.UTC(2026, 10, 21, 2, 47, 52);

test("Huawei: the worked example of its signing guide", () => {
  const request: WireRequest = {
    method: "GET",
    path: "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs",
    query: "limit=2&marker=13551d6b-755d-4757-b956-536f674975c0",
    host: "service.region.example.com",
    headers: [
      ["Content-Type", "application/json"],
      ["Host", "service.region.example.com"],
      ["X-Sdk-Date", "20191115T033655Z"],
      [
        "Authorization",
        "SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=content-type;host;x-sdk-date, Signature=7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
      ],
    ],
    body: Buffer.alloc(0),
  };
  const judge = {
    keyOf: () => ({ secret: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc" }),
    times: [Date.UTC(2019, 10, 15, 3, 36, 55)],
  };
  expect(verifySdkHmac(request, judge)).toEqual({ ok: true, accessKeyId: "QTWAOYTTINDUT2QVKYUC" });
});

test("Huawei: an independent signer is accepted, and every changed byte refused", () => {
  const plain = huawei("POST", "/v1/p/cloudservers", [], '{"server":{}}');
  const odd = huawei("GET", "/v2/images/ü (1)!*'~", [
    ["name", "a b+c/ü(1)!*'~&=%"],
    ["name", "a"],
    ["marker", ""],
    ["Big", "1"],
  ]);
  for (const request of [plain, odd]) {
    expect(verifySdkHmac(request, judgeAt(atMs))).toEqual({ ok: true, accessKeyId: key.accessKeyId });
    everyByteCounts(
      request,
      ["authorization", "content-type", "host", "x-project-id", "x-sdk-date"],
      (changed) => verifySdkHmac(changed, judgeAt(atMs)),
      (part, text) => sameWhenDecoded(part, part === "path" ? text.replace(/\/?$/, "/") : text),
    );
  }
});

test("Huawei: a wrong clock, key, token, digest, or an unsigned host is refused by the gateway", () => {
  const request = huawei("POST", "/v1/p/cloudservers", [], "{}");
  const code = "APIGW.0301";
  for (const offMs of [-16 * minuteMs, 16 * minuteMs]) {
    expectRefusal(verifySdkHmac(request, judgeAt(atMs + offMs)), code, 401);
  }
  expect(verifySdkHmac(request, judgeAt(0, atMs + 14 * minuteMs))).toMatchObject({ ok: true });
  expectRefusal(verifySdkHmac(request, { times: [atMs], keyOf: () => undefined }), code, 401);
  expectRefusal(verifySdkHmac(request, { times: [atMs], keyOf: () => ({ secret: "x" }) }), code);
  expectRefusal(verifySdkHmac(withHeader(request, "authorization", undefined), judgeAt(atMs)), code);
  expectRefusal(verifySdkHmac(withHeader(request, "x-sdk-content-sha256", "00"), judgeAt(atMs)), code);
  const noHost = huawei("GET", "/v1", [], "", { names: ["content-type", "x-project-id", "x-sdk-date"] });
  expectRefusal(verifySdkHmac(noHost, judgeAt(atMs)), code);
  const short = huawei("GET", "/v1", [], "", { using: temporary });
  expect(verifySdkHmac(short, judgeAt(atMs))).toMatchObject({ ok: true });
  expectRefusal(verifySdkHmac(withHeader(short, "x-security-token", undefined), judgeAt(atMs)), code);
  const expired = { times: [atMs], keyOf: () => ({ ...temporary, expiresAtMs: atMs }) };
  expectRefusal(verifySdkHmac(short, expired), code);
});

test("COS: the documentation's worked examples, in the header", () => {
  const judge = (seconds: number) => ({
    keyOf: () => ({ secret: "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz" }),
    times: [seconds * 1000],
  });
  const path = `/exampleobject(${Buffer.from("腾讯云").toString("latin1")})`;
  const escaped = path.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  const host = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com";
  const put: WireRequest = {
    method: "PUT",
    path: escaped,
    query: "",
    host,
    headers: [
      ["Date", "Thu, 16 May 2019 06:45:51 GMT"],
      ["Host", host],
      ["Content-Type", "text/plain"],
      ["Content-Length", "13"],
      ["Content-MD5", "mQ/fVh815F3k6TAUm8m0eg=="],
      ["x-cos-acl", "private"],
      ["x-cos-grant-read", 'uin="100000000011"'],
      [
        "Authorization",
        "q-sign-algorithm=sha1&q-ak=AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q&q-sign-time=1557989151;1557996351&q-key-time=1557989151;1557996351&q-header-list=content-length;content-md5;content-type;date;host;x-cos-acl;x-cos-grant-read&q-url-param-list=&q-signature=3b8851a11a569213c17ba8fa7dcf2abec6935172",
      ],
    ],
    body: Buffer.from("ObjectContent"),
  };
  expect(verifyCos(put, judge(1557989151))).toMatchObject({ ok: true });
  const get: WireRequest = {
    ...put,
    method: "GET",
    query: "response-content-type=application%2Foctet-stream&response-cache-control=max-age%3D600",
    headers: [
      ["Date", "Thu, 16 May 2019 06:55:53 GMT"],
      ["Host", host],
      [
        "Authorization",
        "q-sign-algorithm=sha1&q-ak=AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q&q-sign-time=1557989753;1557996953&q-key-time=1557989753;1557996953&q-header-list=date;host&q-url-param-list=response-cache-control;response-content-type&q-signature=01681b8c9d798a678e43b685a9f1bba0f6c0e012",
      ],
    ],
    body: Buffer.alloc(0),
  };
  expect(verifyCos(get, judge(1557989753))).toMatchObject({ ok: true });
});

test("COS: links are accepted in their time, and no byte of them may change", () => {
  for (const using of [key, temporary]) {
    const link = cosLink(using);
    expect(claimsCos(link)).toBe(true);
    expect(verifyCos(link, judgeAt(atMs + 3_599_000))).toEqual({ ok: true, accessKeyId: using.accessKeyId });
    expectRefusal(verifyCos(link, judgeAt(atMs + 3_600_000)), "AccessDenied", 403);
    expectRefusal(verifyCos(link, judgeAt(atMs - 1000)), "AccessDenied", 403);
    expectRefusal(verifyCos(link, { times: [atMs], keyOf: () => undefined }), "InvalidAccessKeyId", 403);
    everyByteCounts(
      link,
      ["host"],
      (changed) => verifyCos(changed, judgeAt(atMs)),
      (part, text) => sameWhenDecoded(part, part === "method" ? text.toLowerCase() : text),
    );
  }
  const expired = { times: [atMs], keyOf: () => ({ ...temporary, expiresAtMs: atMs }) };
  expectRefusal(verifyCos(cosLink(temporary), expired), "AccessDenied", 403);
});

/** Written from the signing guide, with nothing of the verifier's. */
function huawei(
  method: string,
  path: string,
  query: readonly (readonly [string, string])[],
  body = "",
  { using = key as typeof key & { sessionToken?: string }, names = [] as readonly string[] } = {},
): WireRequest {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const uri = path.split("/").map(encode).join("/");
  const pairs = query
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const sent: Record<string, string> = {
    "content-type": "application/json",
    host: "ecs.cn-north-4.myhuaweicloud.com:8080",
    "x-project-id": "0123456789abcdef",
    "x-sdk-date": "20261121T024752Z",
    ...(using.sessionToken === undefined ? {} : { "x-security-token": using.sessionToken }),
  };
  const signed = names.length > 0 ? names : Object.keys(sent).sort();
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const lines = signed.map((name) => `${name}:${sent[name]}\n`).join("");
  const canonical = `${method}\n${uri}/\n${pairs}\n${lines}\n${signed.join(";")}\n${sha256(body)}`;
  const toSign = `SDK-HMAC-SHA256\n${sent["x-sdk-date"]}\n${sha256(canonical)}`;
  const signature = createHmac("sha256", using.secret).update(toSign).digest("hex");
  const authorization = `SDK-HMAC-SHA256 Access=${using.accessKeyId}, SignedHeaders=${signed.join(";")}, Signature=${signature}`;
  return {
    method,
    path: uri,
    // In another order than it was signed, as it may be.
    query: pairs.split("&").reverse().join("&"),
    host: sent["host"] as string,
    headers: [...Object.entries(sent), ["Authorization", authorization]],
    body: Buffer.from(body),
  };
}

/** Written from the documentation of COS. */
function cosLink(using: typeof key & { sessionToken?: string }): WireRequest {
  const host = "img-1250000000.cos.ap-guangzhou.myqcloud.com";
  const span = `${atMs / 1000};${atMs / 1000 + 3600}`;
  const hmac = (secret: string, text: string) => createHmac("sha1", secret).update(text).digest("hex");
  const http = `get\n/images/a b.qcow2\n\nhost=${host}\n`;
  const digest = createHash("sha1").update(http).digest("hex");
  const signature = hmac(hmac(using.secret, span), `sha1\n${span}\n${digest}\n`);
  const token =
    using.sessionToken === undefined ? "" : `&x-cos-security-token=${encodeURIComponent(using.sessionToken)}`;
  return {
    method: "GET",
    path: "/images/a%20b.qcow2",
    query: `q-sign-algorithm=sha1&q-ak=${using.accessKeyId}&q-sign-time=${span}&q-key-time=${span}&q-header-list=host&q-url-param-list=&q-signature=${signature}${token}`,
    host,
    headers: [["Host", host]],
    body: Buffer.alloc(0),
  };
}
