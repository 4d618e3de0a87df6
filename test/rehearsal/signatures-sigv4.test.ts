import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { GetObjectCommand, PutObjectCommand, S3Client, UploadPartCommand } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { presignSigV4 } from "../../src/providers/s3-presign.ts";
import { headerOf, type WireRequest } from "../../src/rehearsal/http-server.ts";
import { claimsSigV4, verifySigV4 } from "../../src/rehearsal/signatures/sigv4.ts";
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

function client(
  port: number,
  { accessKeyId, secret, sessionToken }: typeof key & { sessionToken?: string },
  requestChecksumCalculation: "WHEN_REQUIRED" | "WHEN_SUPPORTED" = "WHEN_REQUIRED",
) {
  return new S3Client({
    endpoint: "http://cos.ap-guangzhou.myqcloud.com",
    region: "ap-guangzhou",
    credentials: { accessKeyId, secretAccessKey: secret, ...(sessionToken === undefined ? {} : { sessionToken }) },
    requestHandler: { httpAgent: agentTo(port) },
    requestChecksumCalculation,
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 1,
  });
}

async function put(options: { Key?: string; temporary?: boolean } = {}): Promise<WireRequest> {
  const requests = await captured({ status: 200, headers: { etag: '"1"' } }, (port) =>
    client(port, options.temporary === true ? temporary : key).send(
      new PutObjectCommand({
        Bucket: "img-1250000000",
        Key: options.Key ?? "images/abc",
        Body: Buffer.from("some bytes"),
        ContentType: "application/octet-stream",
        Metadata: { sha256: "ab  cd" },
      }),
    ),
  );
  return requests[0] as WireRequest;
}

test("what the AWS SDK sends is accepted: odd keys, sub-resources, empty values, no body", async () => {
  for (const Key of ["a b+c/ü(1)!*'~.qcow2", "%41", "a//b/../c", "x".repeat(500)]) {
    const request = await put({ Key });
    expect(request.host).toBe("img-1250000000.cos.ap-guangzhou.myqcloud.com");
    expect(claimsSigV4(request)).toBe(true);
    expect(verifySigV4(request, judgeAt())).toEqual({
      ok: true,
      accessKeyId: key.accessKeyId,
      isPresigned: false,
      bodySha256: createHash("sha256").update("some bytes").digest("hex"),
    });
  }
  const [get, part] = await captured({ status: 200, headers: { etag: '"1"' } }, async (port) => {
    const s3 = client(port, key);
    await s3.send(new GetObjectCommand({ Bucket: "b", Key: "k", Range: "bytes=0-1", ResponseContentType: "a/b c" }));
    await s3.send(new UploadPartCommand({ Bucket: "b", Key: "k", PartNumber: 2, UploadId: "a+b/c=", Body: "x" }));
  });
  expect(verifySigV4(get as WireRequest, judgeAt())).toMatchObject({ ok: true });
  expect(verifySigV4(part as WireRequest, judgeAt(), { region: "ap-guangzhou" })).toMatchObject({ ok: true });
  expectRefusal(verifySigV4(part as WireRequest, judgeAt(), { region: "x" }), "AuthorizationHeaderMalformed", 400);
});

test("every changed byte is refused", async () => {
  const request = await put();
  const names = /SignedHeaders=([^,]+)/.exec(headerOf(request, "authorization") ?? "")?.[1]?.split(";") as string[];
  expect(names).toEqual(expect.arrayContaining(["host", "x-amz-content-sha256", "x-amz-date", "x-amz-meta-sha256"]));
  everyByteCounts(
    request,
    // The SDK leaves the content's type unsigned.
    [...names, "authorization"],
    (changed) => verifySigV4(changed, judgeAt()),
  );
});

test("a wrong clock, key, token, body or day is refused in S3's words", async () => {
  const request = await put();
  for (const offMs of [-16 * minuteMs, 16 * minuteMs]) {
    expectRefusal(verifySigV4(request, judgeAt(Date.now() + offMs)), "RequestTimeTooSkewed", 403);
  }
  expect(verifySigV4(request, judgeAt(0, Date.now() + 14 * minuteMs))).toMatchObject({ ok: true });
  expectRefusal(verifySigV4(request, { ...judgeAt(), keyOf: () => undefined }), "InvalidAccessKeyId", 403);
  expectRefusal(
    verifySigV4(request, { ...judgeAt(), keyOf: () => ({ secret: `${key.secret}x` }) }),
    "SignatureDoesNotMatch",
    403,
  );
  expectRefusal(verifySigV4({ ...request, body: Buffer.from("x") }, judgeAt()), "XAmzContentSHA256Mismatch", 400);
  expectRefusal(verifySigV4(withHeader(request, "authorization", undefined), judgeAt()), "AccessDenied", 403);
  expectRefusal(verifySigV4(withHeader(request, "x-amz-date", undefined), judgeAt()), "AccessDenied", 403);
  expectRefusal(verifySigV4(withHeader(request, "x-amz-acl", "public-read"), judgeAt()), "AccessDenied", 403);
  const authorization = headerOf(request, "authorization") as string;
  for (const broken of [
    "x",
    authorization.replace(/\/\d{8}\//, "/20200101/"),
    authorization.replace("/s3/", "/ec2/"),
  ]) {
    expectRefusal(
      verifySigV4(withHeader(request, "authorization", broken.replace(/^x/, "AWS4-HMAC-SHA256 x")), judgeAt()),
      "AuthorizationHeaderMalformed",
      400,
    );
  }
});

test("temporary keys need their token, in time", async () => {
  const request = await put({ temporary: true });
  expect(verifySigV4(request, judgeAt())).toMatchObject({ ok: true });
  const { secret } = temporary;
  const judged = (key: object) => verifySigV4(request, { ...judgeAt(), keyOf: () => ({ secret, ...key }) });
  expectRefusal(judged({ sessionToken: "other" }), "InvalidToken", 400);
  expectRefusal(judged({}), "InvalidToken", 400);
  expectRefusal(judged({ sessionToken: temporary.sessionToken, expiresAtMs: Date.now() - 1 }), "ExpiredToken", 400);
  const lasting = await put();
  expectRefusal(
    verifySigV4(lasting, { ...judgeAt(), keyOf: () => ({ secret: key.secret, sessionToken: "t" }) }),
    "InvalidToken",
    400,
  );
});

test("bodies: left out when told so; chunks are not implemented", async () => {
  const stream = async (requestChecksumCalculation: "WHEN_REQUIRED" | "WHEN_SUPPORTED") => {
    const [request] = await captured({ status: 200, headers: { etag: '"1"' } }, (port) =>
      client(port, key, requestChecksumCalculation).send(
        new PutObjectCommand({ Bucket: "b", Key: "k", Body: Readable.from([Buffer.from("some")]), ContentLength: 4 }),
      ),
    );
    return request as WireRequest;
  };
  const unsigned = await stream("WHEN_REQUIRED");
  expect(headerOf(unsigned, "x-amz-content-sha256")).toBe("UNSIGNED-PAYLOAD");
  expect(verifySigV4({ ...unsigned, body: Buffer.from("any") }, judgeAt())).toMatchObject({
    ok: true,
    bodySha256: undefined,
  });
  const chunked = await stream("WHEN_SUPPORTED");
  expect(headerOf(chunked, "x-amz-content-sha256")).toBe("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
  expectRefusal(verifySigV4(chunked, judgeAt()), "NotImplemented", 501);
});

test("presigned URLs: the worked example of Amazon's documentation", () => {
  const request = linkRequest(
    "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
  const judge = {
    keyOf: () => ({ secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" }),
    times: [Date.UTC(2013, 4, 24)],
  };
  expect(verifySigV4(request, judge)).toMatchObject({ ok: true, accessKeyId: "AKIAIOSFODNN7EXAMPLE" });
});

test("presigned URLs: accepted until they expire, no byte of them may change", async () => {
  const atMs = Date.UTC(2026, 10, 21, 2, 47, 52);
  for (const using of [key, temporary]) {
    const request = presigned(atMs, 3600, using);
    const accepted = { ok: true, accessKeyId: using.accessKeyId, isPresigned: true, bodySha256: undefined };
    expect(claimsSigV4(request)).toBe(true);
    expect(verifySigV4(request, judgeAt(atMs + 3_600_000))).toEqual(accepted);
    expectRefusal(verifySigV4(request, judgeAt(atMs + 3_601_000)), "AccessDenied", 403);
    expectRefusal(verifySigV4(request, judgeAt(atMs - 16 * minuteMs)), "AccessDenied", 403);
    everyByteCounts(request, ["host"], (changed) => verifySigV4(changed, judgeAt(atMs)));
  }
  const long = presigned(atMs, 604_800, key);
  expect(verifySigV4(long, judgeAt(atMs))).toMatchObject({ ok: true });
  const tooLong = { ...long, query: long.query.replace("604800", "604801") };
  expectRefusal(verifySigV4(tooLong, judgeAt(atMs)), "AuthorizationQueryParametersError", 400);
  expectRefusal(verifySigV4({ ...long, query: "x=1" }, judgeAt(atMs)), "AccessDenied", 403);
});

/** As our own clients make them. */
function presigned(nowMs: number, lifetimeSeconds: number, using: typeof key & { sessionToken?: string }): WireRequest {
  const { accessKeyId, secret: secretAccessKey, sessionToken } = using;
  return linkRequest(
    presignSigV4({
      host: "b.obs.example",
      path: "/images/a b+ü.qcow2",
      region: "us-east-1",
      credentials: { accessKeyId, secretAccessKey, sessionToken },
      nowMs,
      lifetimeSeconds,
    }),
  );
}

function linkRequest(link: string): WireRequest {
  const [, host, path, query] = /^https:\/\/([^/]+)([^?]+)\?(.*)$/.exec(link) as unknown as [
    string,
    string,
    string,
    string,
  ];
  return { method: "GET", path, query, host, headers: [["Host", host]], body: Buffer.alloc(0) };
}
