import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { placeOf } from "../../src/rehearsal/object-store/dialect.ts";
import { storeDialects } from "../../src/rehearsal/object-store/dialects.ts";
import { readXml } from "../../src/rehearsal/object-store/xml-reader.ts";
import { failing, sendRaw, signed, storeFixture } from "./object-store-fixture.ts";

test("a connection that is cut in the middle of a body leaves nothing of it", async () => {
  await using fixture = await storeFixture("oss");
  const [s3, Bucket] = [fixture.client(), fixture.bucket];
  const Body = randomBytes(1 << 20);
  for (const cutAfterBytes of [0, 1, 500_000, 1 << 20, 1 << 30]) {
    fixture.fault = failing("PutObject", { cutAfterBytes });
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: "a", Body }))).rejects.toMatchObject({
      code: /ECONNRESET|EPIPE/,
    });
  }
  expect(fixture.store.entries()).toEqual([]);
  await s3.send(new PutObjectCommand({ Bucket, Key: "a", Body }));
  expect(readdirSync(fixture.directory)).toHaveLength(1);
  const cut = fixture.store.requests().filter(({ status }) => status === undefined);
  expect(cut).toHaveLength(5);
  expect(cut.every(({ receivedBytes }) => receivedBytes <= 1 << 20)).toBe(true);
  expect(fixture.store.defects()).toEqual([]);
});

test("a download is cut where it is asked for", async () => {
  await using fixture = await storeFixture("obs");
  const [s3, Bucket] = [fixture.client(), fixture.bucket];
  await s3.send(new PutObjectCommand({ Bucket, Key: "a", Body: randomBytes(1 << 20) }));
  fixture.fault = failing("GetObject", { cutAfterBytes: 300_000 });
  const { Body, ContentLength } = await s3.send(new GetObjectCommand({ Bucket, Key: "a" }));
  expect(ContentLength).toBe(1 << 20);
  let receivedBytes = 0;
  const read = async () => {
    for await (const chunk of Body as AsyncIterable<Buffer>) receivedBytes += chunk.length;
  };
  await expect(read()).rejects.toThrow("aborted");
  expect(receivedBytes).toBe(300_000);
});

test("an answer that is lost: what was asked for has been done", async () => {
  await using fixture = await storeFixture("cos");
  const [s3, Bucket, Key] = [fixture.client(), fixture.bucket, "disk"];
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "abc" }));
  const complete = () =>
    s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key,
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
  fixture.fault = failing("CompleteMultipartUpload", { isAnswerLost: true });
  await expect(complete()).rejects.toThrow();
  await expect(complete()).rejects.toMatchObject({ name: "NoSuchUpload" });
  expect(fixture.store.entries()).toMatchObject([{ kind: "object", key: "disk", sizeBytes: 3 }]);
});

test("statuses and delays", async () => {
  await using fixture = await storeFixture("oss");
  const [s3, Bucket] = [fixture.client(), fixture.bucket];
  fixture.fault = failing("PutObject", { status: 503, code: "SlowDown", delayMs: 5 });
  // Answered before its body has come.
  const large = new PutObjectCommand({ Bucket, Key: "a", Body: randomBytes(4 << 20) });
  await expect(s3.send(large)).rejects.toMatchObject({
    name: "SlowDown",
    $metadata: { httpStatusCode: 503 },
  });
  // The same connection serves the next request.
  await s3.send(new PutObjectCommand({ Bucket, Key: "a", Body: "a" }));
  expect(fixture.store.requests().map(({ operation, status, code }) => [operation, status, code])).toEqual([
    ["PutObject", 503, "SlowDown"],
    ["PutObject", 200, undefined],
  ]);
  fixture.clock.setSpeed(0);
  fixture.fault = failing("GetObject", { delayMs: 3600_000 });
  const waiting = s3.send(new GetObjectCommand({ Bucket, Key: "a" }));
  waiting.catch(() => {});
  await fixture.store.close();
  await expect(waiting).rejects.toThrow();
});

test("a part that arrives after its upload has ended is thrown away", async () => {
  await using fixture = await storeFixture("obs");
  const [s3, Bucket, Key] = [fixture.client(), fixture.bucket, "disk"];
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const made = signed(
    {
      method: "PUT",
      host: fixture.host,
      target: `/${Key}?partNumber=1&uploadId=${UploadId}`,
      body: "late",
      headers: { expect: "100-continue" },
    },
    fixture.account.key,
    fixture,
  );
  const abort = () => s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  const answer = await sendRaw(fixture.store, made, abort);
  expect(answer).toMatchObject({ status: 404, code: "NoSuchUpload", wasAskedForBody: true });
  expect(fixture.store.entries()).toEqual([]);
  expect(readdirSync(fixture.directory)).toEqual([]);
});

test("an upload of many parts is put together once, whoever asks", async () => {
  await using fixture = await storeFixture("oss");
  const [s3, Bucket, Key] = [fixture.client(), fixture.bucket, "disk"];
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const parts = Array.from({ length: 12 }, () => randomBytes(100 * 1024 + Math.floor(Math.random() * 1000)));
  const Parts = await Promise.all(
    parts.map(async (Body, at) => {
      const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: at + 1, Body }));
      return { PartNumber: at + 1, ETag };
    }),
  );
  const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  expect(listed.Parts?.map(({ ETag }) => ETag?.toLowerCase())).toEqual(
    parts.map((part) => `"${createHash("md5").update(part).digest("hex")}"`),
  );
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  const whole = Buffer.concat(parts);
  const read = async () => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  };
  const paths = await Promise.all([fixture.store.openObject(Bucket, Key), fixture.store.openObject(Bucket, Key)]);
  const [first, second] = await Promise.all([read(), read()]);
  expect(first.equals(whole) && second.equals(whole)).toBe(true);
  expect(new Set(paths).size).toBe(1);
  expect((await readFile(paths[0] ?? "")).equals(whole)).toBe(true);
  expect(readdirSync(fixture.directory)).toHaveLength(1);
  await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  expect(readdirSync(fixture.directory)).toEqual([]);
});

test("reading, replacing and deleting at once: each reader gets one object, whole, or none", async () => {
  await using fixture = await storeFixture("obs");
  const [s3, Bucket, Key] = [fixture.client(), fixture.bucket, "a"];
  const put = (letter: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body: letter.repeat(300_000) }));
  await put("a");
  const read = async () => {
    const text = await s3.send(new GetObjectCommand({ Bucket, Key })).then(
      ({ Body }) => Body?.transformToString(),
      ({ name }: Error) => name,
    );
    return text === "NoSuchKey" || (text?.length === 300_000 && new Set(text).size === 1);
  };
  const work = Array.from({ length: 60 }, async (_, at) => {
    if (at % 10 === 4) await put("abcdef"[at / 10 - 0.4] ?? "x");
    else if (at % 10 === 8) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    else expect(await read()).toBe(true);
  });
  await Promise.all(work);
  expect(fixture.store.defects()).toEqual([]);
  expect(readdirSync(fixture.directory).length).toBe(fixture.store.entries().length);
});

test("hosts: buckets, endpoints inside and outside, and those of others", () => {
  const { cos, oss, obs } = storeDialects;
  expect(placeOf(cos, "img-1250000000.cos.ap-guangzhou.myqcloud.com:8099")).toMatchObject({
    bucket: "img-1250000000",
    region: "ap-guangzhou",
  });
  for (const name of [
    "s3.oss-cn-hangzhou",
    "s3.oss-cn-hangzhou-internal",
    "oss-cn-hangzhou",
    "oss-cn-hangzhou-internal",
  ]) {
    expect(placeOf(oss, `${name}.aliyuncs.com`)).toMatchObject({ bucket: undefined, region: "cn-hangzhou" });
    expect(placeOf(oss, `IMG.${name}.aliyuncs.com`)).toMatchObject({ bucket: "img", region: "cn-hangzhou" });
  }
  expect(placeOf(obs, "a.b.obs.cn-north-4.myhuaweicloud.com")).toMatchObject({ bucket: "a.b", region: "cn-north-4" });
  for (const host of [
    "127.0.0.1:80",
    "example.com",
    "cvm.tencentcloudapi.com",
    "obs.cn-north-4.myhuaweicloud.com.example.com",
    "",
  ])
    for (const dialect of [cos, oss, obs]) expect(placeOf(dialect, host)).toBeUndefined();
});

test("requests to hosts that are none of the store's, and to none at all", async () => {
  await using fixture = await storeFixture("cos");
  for (const host of ["example.com", "127.0.0.1", ""])
    expect(await sendRaw(fixture.store, { method: "GET", host, target: "/" })).toMatchObject({ status: 403 });
  const list = signed(
    { method: "GET", host: fixture.store.hosts.endpoint(fixture.region), target: "/" },
    fixture.account.key,
    fixture,
  );
  expect((await sendRaw(fixture.store, list)).body).toContain(`<Name>${fixture.bucket}</Name>`);
  expect(await sendRaw(fixture.store, { ...list, headers: {} })).toMatchObject({ status: 403, code: "AccessDenied" });
});

test("XML of requests: entities, sections and comments are read, all that is not well-formed is refused", () => {
  expect(
    readXml('<?xml version="1.0"?>\n<!-- x --><a:b xmlns:a="u"><c d=\'e\'/>&lt;&#65;&#x42;<![CDATA[<&>]]></a:b>\n'),
  ).toEqual({
    name: "b",
    text: "<AB<&>",
    children: [{ name: "c", text: "", children: [] }],
  });
  const bad = [
    "",
    "a",
    "<a>",
    "<a></b>",
    "</a>",
    "<a/><b/>",
    "<a/>b",
    "<a>&nbsp;</a>",
    "<a>&lt</a>",
    "<a>&constructor;</a>",
    "<a b=c/>",
    "<a",
  ];
  for (const text of [...bad, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a>&#x110000;</a>"])
    expect(() => readXml(text), text).toThrow(/well-formed/);
});
