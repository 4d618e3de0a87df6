import { readFile } from "node:fs/promises";
import { GetObjectCommand, HeadBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { presignCos, presignSigV4 } from "../../src/providers/s3-presign.ts";
import { makeKeyRing, temporaryKey } from "../../src/rehearsal/accounts.ts";
import {
  type DialectName,
  type HandMade,
  type StoreFixture,
  sendRaw,
  signed,
  storeFixture,
} from "./object-store-fixture.ts";

const minute = 60_000;

describe.each<DialectName>(["cos", "oss", "obs"])("who may do what at %s", (dialect) => {
  let fixture: StoreFixture;
  const put = (body = "abc", more: Partial<HandMade> = {}): HandMade => ({
    method: "PUT",
    host: fixture.host,
    target: "/object",
    body,
    ...more,
  });
  const send = (made: HandMade) => sendRaw(fixture.store, made);
  const sign = (made: HandMade, more: { timeMs?: number; payload?: string; region?: string } = {}) =>
    signed(made, fixture.account.key, { region: fixture.region, ...more });

  beforeAll(async () => {
    fixture = await storeFixture(dialect);
  });
  afterAll(async () => {
    expect(fixture.store.defects()).toEqual([]);
    await fixture[Symbol.asyncDispose]();
  });

  test("a signature by hand is accepted, with the port in the host as well", async () => {
    expect(await send(sign(put()))).toMatchObject({ status: 200 });
    const withPort = { ...put(), host: `${fixture.host}:${fixture.store.port}` };
    expect(await send(sign(withPort))).toMatchObject({ status: 200 });
    expect(await readFile((await fixture.store.openObject(fixture.bucket, "object")) ?? "", "utf8")).toBe("abc");
  });

  test("wrong keys, changed requests and wrong clocks are refused, and nothing is stored", async () => {
    await send(sign(put("kept")));
    const { key } = fixture.account;
    const right = sign(put("other"));
    const refusals: Record<string, [HandMade, number, string]> = {
      "a wrong secret": [signed(put("other"), { ...key, secret: "x" }, fixture), 403, "SignatureDoesNotMatch"],
      "an unknown id": [signed(put("other"), { ...key, accessKeyId: "nobody" }, fixture), 403, "InvalidAccessKeyId"],
      nobody: [put("other"), 403, "AccessDenied"],
      "another signature": [put("other", { headers: { authorization: "AWS id:signature" } }), 400, "InvalidArgument"],
      "another body of the same length": [{ ...right, body: "OTHER" }, 400, "XAmzContentSHA256Mismatch"],
      "another key": [{ ...right, target: "/other" }, 403, "SignatureDoesNotMatch"],
      "another method": [{ ...right, method: "DELETE", body: "" }, 403, "SignatureDoesNotMatch"],
      "a parameter more": [{ ...right, target: "/object?x-id=PutObject" }, 403, "SignatureDoesNotMatch"],
      "another bucket": [{ ...right, host: `public-${right.host}` }, 403, "SignatureDoesNotMatch"],
      "a header that is not signed": [
        { ...right, headers: { ...right.headers, "x-amz-acl": "public-read" } },
        403,
        "AccessDenied",
      ],
      "sixteen minutes ago": [sign(put("other"), { timeMs: Date.now() - 16 * minute }), 403, "RequestTimeTooSkewed"],
      "in sixteen minutes": [sign(put("other"), { timeMs: Date.now() + 16 * minute }), 403, "RequestTimeTooSkewed"],
      "a wrong MD5": [sign(put("other", { headers: { "content-md5": "kAFQmDzST7DWlj99KOF/cg==" } })), 400, "BadDigest"],
      "no MD5": [sign(put("other", { headers: { "content-md5": "abc" } })), 400, "InvalidDigest"],
      "a call that it does not know": [sign(put("other", { target: "/object?tagging=" })), 501, "NotImplemented"],
      "a path that is none": [put("other", { target: "/%ff" }), 400, "InvalidURI"],
    };
    if (dialect !== "oss")
      refusals["another region"] = [sign(put("other"), { region: "us-east-1" }), 400, "AuthorizationHeaderMalformed"];
    for (const [what, [made, status, code]] of Object.entries(refusals))
      expect({ what, ...(await send(made)) }).toMatchObject({ what, status, code });
    expect(await readFile((await fixture.store.openObject(fixture.bucket, "object")) ?? "", "utf8")).toBe("kept");
    expect(fixture.store.entries().map(({ key }) => key)).toEqual(["object"]);
  });

  test("a clock that is fourteen minutes off will do; where the scope's region counts for nothing, any will do", async () => {
    expect(await send(sign(put(), { timeMs: Date.now() - 14 * minute }))).toMatchObject({ status: 200 });
    if (dialect === "oss") expect(await send(sign(put(), { region: "us-east-1" }))).toMatchObject({ status: 200 });
  });

  test("bodies in chunks are refused in the vendor's words", async () => {
    const streaming = ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"];
    const codes: string[] = [];
    for (const payload of streaming) {
      const answer = await send(
        sign(put("3\r\nabc\r\n0\r\n", { headers: { "content-encoding": "aws-chunked" } }), { payload }),
      );
      codes.push(`${answer.status} ${answer.code}`);
    }
    expect(codes).toEqual(
      {
        cos: ["501 NotImplemented", "501 NotImplemented"],
        oss: ["400 InvalidArgument", "501 NotImplemented"],
        obs: ["400 XAmzContentSHA256Mismatch", "400 XAmzContentSHA256Mismatch"],
      }[dialect],
    );
  });

  test("a body may be left out of the signature, unless the store is told to insist", async () => {
    expect(await send(sign(put("xyz"), { payload: "UNSIGNED-PAYLOAD" }))).toMatchObject({ status: 200 });
    await using strict = await storeFixture(dialect, { unsignedPayload: false });
    const made = signed({ ...put(), host: strict.host }, strict.account.key, {
      region: strict.region,
      payload: "UNSIGNED-PAYLOAD",
    });
    expect(await sendRaw(strict.store, made)).toMatchObject({ status: 400, code: "XAmzContentSHA256Mismatch" });
  });

  test("who would be refused is not asked for the body that was kept back", async () => {
    const expecting = put("abc", { headers: { expect: "100-continue" } });
    expect(await send(expecting)).toMatchObject({
      status: 403,
      wasAskedForBody: false,
      headers: { connection: "close" },
    });
    expect(await send(sign(expecting))).toMatchObject({ status: 200, wasAskedForBody: true });
  });

  test("what a bucket lets others do", async () => {
    const stranger = fixture.client({ key: fixture.stranger.key });
    const Bucket = `public-${fixture.account.appId}`;
    await fixture.client().send(new PutObjectCommand({ Bucket, Key: "open", Body: "read me" }));
    await fixture.client().send(new PutObjectCommand({ Bucket, Key: "closed", Body: "secret", ACL: "private" }));
    await fixture
      .client()
      .send(new PutObjectCommand({ Bucket: fixture.bucket, Key: "open", Body: "read me", ACL: "public-read" }));
    const host = fixture.store.hosts.ofBucket(Bucket, fixture.region);
    const read = (target: string, from = host) => send({ method: "GET", host: from, target });
    expect(await read("/open")).toMatchObject({ status: 200, body: "read me" });
    expect(await read("/closed")).toMatchObject({ status: 403, code: "AccessDenied" });
    expect(await read("/open", fixture.host)).toMatchObject({ status: 200 });
    expect(await read("/object", fixture.host)).toMatchObject({ status: 403 });
    await expect(stranger.send(new PutObjectCommand({ Bucket, Key: "a", Body: "a" }))).rejects.toMatchObject({
      name: "AccessDenied",
    });
    await stranger.send(new GetObjectCommand({ Bucket, Key: "open" }));
    await expect(stranger.send(new HeadBucketCommand({ Bucket: fixture.bucket }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
  });

  test("temporary keys work with their token, until they expire", async () => {
    const key = temporaryKey(
      { cos: "tencent", oss: "alibaba", obs: "huawei" }[dialect] as "tencent",
      Date.now() + 60 * minute,
    );
    await using other = await storeFixture(dialect, { keys: makeKeyRing([key]) });
    const command = () => new PutObjectCommand({ Bucket: other.bucket, Key: "a", Body: "a" });
    await other.client({ key }).send(command());
    const { accessKeyId, secret } = key;
    await expect(other.client({ key: { accessKeyId, secret } }).send(command())).rejects.toMatchObject({
      name: "InvalidToken",
    });
    other.clock.setSkew(2 * 60 * minute);
    // The SDK takes its time from the first refusal.
    const late = other.client({ key, maxAttempts: 2 });
    await expect(late.send(command())).rejects.toMatchObject({ name: "ExpiredToken" });
  });

  test("the SDK learns the right time from a refusal and tries again", async () => {
    await using other = await storeFixture(dialect);
    other.clock.setSkew(3 * 60 * minute);
    const command = () => new PutObjectCommand({ Bucket: other.bucket, Key: "a", Body: "a" });
    await expect(other.client().send(command())).rejects.toMatchObject({ name: "RequestTimeTooSkewed" });
    await other.client({ maxAttempts: 2 }).send(command());
  });
});

describe("links", () => {
  const links = [
    ["cos", presignCos],
    ["cos", presignSigV4],
    ["oss", presignSigV4],
    ["obs", presignSigV4],
  ] as const;
  test.each(links)("of %s by %o", async (dialect, presign) => {
    await using fixture = await storeFixture(dialect);
    const key = "a folder/disk (1).qcow2";
    await fixture.client().send(new PutObjectCommand({ Bucket: fixture.bucket, Key: key, Body: "contents" }));
    const { accessKeyId, secret: secretAccessKey } = fixture.account.key;
    const link = (more: { nowMs?: number; lifetimeSeconds?: number; secretAccessKey?: string } = {}) => {
      const { nowMs = Date.now(), lifetimeSeconds = 600 } = more;
      return presign({
        host: fixture.host,
        path: `/${key}`,
        region: fixture.region,
        credentials: { accessKeyId, secretAccessKey: more.secretAccessKey ?? secretAccessKey },
        nowMs,
        lifetimeSeconds,
      });
    };
    const follow = (url: string, method = "GET") => {
      const { host, pathname, search } = new URL(url);
      return sendRaw(fixture.store, { method, host, target: pathname + search });
    };
    const first = link();
    expect(await follow(first)).toMatchObject({ status: 200, body: "contents" });
    // Whoever looks whether a link works has used it up.
    expect(await follow(first)).toMatchObject(
      dialect === "cos" ? { status: 403, code: "AccessDenied" } : { status: 200 },
    );
    const second = link({ lifetimeSeconds: 700 });
    expect(await readFile(await fixture.store.openLink(second), "utf8")).toBe("contents");
    if (dialect === "cos") await expect(fixture.store.openLink(second)).rejects.toMatchObject({ code: "AccessDenied" });

    expect(await follow(link({ secretAccessKey: "x" }))).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" });
    expect(await follow(link({ nowMs: Date.now() - 11 * minute }))).toMatchObject({
      status: 403,
      code: "AccessDenied",
    });
    expect(await follow(link({ lifetimeSeconds: 800 }).replace("disk", "risk"))).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
    expect(await follow(link({ lifetimeSeconds: 900 }), "HEAD")).toMatchObject({ status: 403 });
    await expect(
      fixture.store.openLink(link({ lifetimeSeconds: 1000 }).replace(fixture.bucket, "nobodys-1250000000")),
    ).rejects.toThrow();
    fixture.clock.advance(3600_000);
    // One that is valid by the host's time, which signers cannot be told to leave.
    expect(await follow(link({ lifetimeSeconds: 60 }))).toMatchObject({ status: 200 });
    expect(fixture.store.defects()).toEqual([]);
  });
});
