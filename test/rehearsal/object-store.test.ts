import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  ListPartsCommand,
  type ListPartsCommandOutput,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectName, type StoreFixture, storeFixture } from "./object-store-fixture.ts";

const kib = 1024;
const md5 = (data: Uint8Array, encoding: "hex" | "base64" = "hex") => createHash("md5").update(data).digest(encoding);

describe.each<DialectName>(["cos", "oss", "obs"])("the SDK of Amazon at %s", (dialect) => {
  let fixture: StoreFixture;
  let s3: S3Client;
  let Bucket: string;
  /** One vendor writes ETags in capital letters. */
  const quoted = (etag: string) => `"${dialect === "oss" ? etag.toUpperCase() : etag}"`;
  const leastPart = dialect === "cos" ? 1024 * kib : 100 * kib;

  beforeAll(async () => {
    fixture = await storeFixture(dialect);
    s3 = fixture.client();
    Bucket = fixture.bucket;
  });
  afterAll(async () => {
    expect(fixture.store.defects()).toEqual([]);
    expect(fixture.store.entries()).toEqual([]);
    // Nothing is left of what was deleted, aborted, refused or replaced.
    expect(readdirSync(fixture.directory)).toEqual([]);
    await fixture[Symbol.asyncDispose]();
  });
  const remove = async (...keys: string[]) => {
    for (const Key of keys) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  };

  test("buckets are made, found, located, and deleted when they are empty", async () => {
    const name = `made-${fixture.account.appId}`;
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    expect(fixture.store.bucket(name)).toMatchObject({
      region: fixture.region,
      storageClass: "STANDARD",
      acl: "private",
    });
    await s3.send(new HeadBucketCommand({ Bucket: name }));
    const { LocationConstraint } = await s3.send(new GetBucketLocationCommand({ Bucket: name }));
    expect(LocationConstraint).toBe(dialect === "oss" ? `oss-${fixture.region}` : fixture.region);
    await s3.send(new PutObjectCommand({ Bucket: name, Key: "a", Body: "a" }));
    await expect(s3.send(new DeleteBucketCommand({ Bucket: name }))).rejects.toMatchObject({ name: "BucketNotEmpty" });
    await s3.send(new DeleteObjectCommand({ Bucket: name, Key: "a" }));
    await s3.send(new DeleteBucketCommand({ Bucket: name }));
    await expect(s3.send(new HeadBucketCommand({ Bucket: name }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
    await expect(s3.send(new GetObjectCommand({ Bucket: name, Key: "a" }))).rejects.toMatchObject({
      name: "NoSuchBucket",
    });
  });

  test("names that are not allowed, and those of others, make no bucket", async () => {
    const create = (Bucket: string, client = s3) => client.send(new CreateBucketCommand({ Bucket }));
    const stranger = fixture.client({ key: fixture.stranger.key });
    await expect(create(Bucket, stranger)).rejects.toMatchObject({
      name: dialect === "cos" ? "AccessDenied" : "BucketAlreadyExists",
    });
    if (dialect === "cos") {
      await expect(create("without-appid")).rejects.toMatchObject({ name: "InvalidBucketName" });
      await expect(create(Bucket)).rejects.toMatchObject({ name: "BucketAlreadyOwnedByYou" });
    } else await create(Bucket);
  });

  test("an object keeps its bytes, type and metadata; parts of it can be read", async () => {
    const Body = randomBytes(300_001);
    const Key = "a folder/käse & +%/x'y(1)*.qcow2";
    const put = await s3.send(
      new PutObjectCommand({
        Bucket,
        Key,
        Body,
        ContentType: "application/x-qcow2",
        Metadata: { sha256: "abc", two: "a  b" },
      }),
    );
    expect(put.ETag).toBe(quoted(md5(Body)));
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    expect(head).toMatchObject({ ContentLength: 300_001, ContentType: "application/x-qcow2", ETag: put.ETag });
    expect(head.Metadata?.["sha256"]).toBe("abc");
    const read = async (Range?: string) => {
      const { Body, ContentRange } = await s3.send(new GetObjectCommand({ Bucket, Key, ...(Range && { Range }) }));
      return { bytes: Buffer.from((await Body?.transformToByteArray()) ?? []), ContentRange };
    };
    expect((await read()).bytes.equals(Body)).toBe(true);
    expect(await read("bytes=10-19")).toEqual({ bytes: Body.subarray(10, 20), ContentRange: "bytes 10-19/300001" });
    expect((await read("bytes=300000-")).bytes).toEqual(Body.subarray(300_000));
    expect((await read("bytes=-5")).bytes).toEqual(Body.subarray(-5));
    expect((await read("bytes=299999-999999")).bytes.length).toBe(2);
    expect((await read("lines=1-2")).bytes.length).toBe(300_001);
    await expect(read("bytes=300001-")).rejects.toMatchObject({ name: "InvalidRange" });
    const path = await fixture.store.openObject(Bucket, Key);
    expect((await readFile(path ?? "")).equals(Body)).toBe(true);

    await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: encodeURIComponent(`${Bucket}/${Key}`) }));
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "copy" }))).Metadata?.["sha256"]).toBe("abc");
    // Replacing takes the old bytes away.
    await s3.send(new PutObjectCommand({ Bucket, Key: "copy", Body: "" }));
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "copy" }))).ContentLength).toBe(0);
    expect(
      (await (await s3.send(new GetObjectCommand({ Bucket, Key: "copy" }))).Body?.transformToByteArray())?.length,
    ).toBe(0);
    expect(fixture.store.entries().map(({ id }) => id)).toEqual([`${Bucket}/${Key}`, `${Bucket}/copy`]);
    await remove(Key, "copy", "was never there");
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key }))).rejects.toMatchObject({ name: "NotFound" });
    await expect(s3.send(new GetObjectCommand({ Bucket, Key }))).rejects.toMatchObject({ name: "NoSuchKey" });
    expect(await fixture.store.openObject(Bucket, Key)).toBeUndefined();
  });

  test("lists come in pages, sorted by bytes, with folders rolled up", async () => {
    const keys = ["a", "b/1", "b/2", "c/1", "d", "é", "\u{ff5e}", "\u{1f600}"];
    for (const Key of [...keys].reverse()) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const all = async (more: { Delimiter?: string; Prefix?: string; MaxKeys: number }) => {
      const names: (string | undefined)[] = [];
      for (
        let ContinuationToken: string | undefined, isFirst = true;
        isFirst || ContinuationToken !== undefined;
        isFirst = false
      ) {
        const page = await s3.send(
          new ListObjectsV2Command({ Bucket, ...more, ...(ContinuationToken && { ContinuationToken }) }),
        );
        names.push(
          ...(page.Contents ?? []).map(({ Key }) => Key),
          ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
        );
        expect(page.KeyCount).toBeLessThanOrEqual(more.MaxKeys);
        expect(page.IsTruncated).toBe(page.NextContinuationToken !== undefined);
        ContinuationToken = page.NextContinuationToken;
      }
      return names;
    };
    for (const MaxKeys of [1, 3, 1000]) {
      expect(await all({ MaxKeys })).toEqual(keys);
      expect([...(await all({ MaxKeys, Delimiter: "/" }))].sort()).toEqual(
        ["a", "b/", "c/", "d", "é", "\u{1f600}", "\u{ff5e}"].sort(),
      );
      expect(await all({ MaxKeys, Prefix: "b/", Delimiter: "/" })).toEqual(["b/1", "b/2"]);
    }
    expect(await all({ MaxKeys: 1000, Prefix: "none" })).toEqual([]);
    await remove(...keys);
  });

  test("many objects are deleted at once only with Content-MD5, which the SDK does not send", async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: "a", Body: "a" }));
    const command = () => new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "a" }, { Key: "b" }] } });
    await expect(s3.send(command())).rejects.toMatchObject({
      name: dialect === "oss" ? "MissingArgument" : "InvalidRequest",
      $metadata: { httpStatusCode: 400 },
    });
    const withMd5 = command();
    withMd5.middlewareStack.add(
      (next) => async (args) => {
        const request = args.request as { headers: Record<string, string>; body: string };
        request.headers["content-md5"] = md5(Buffer.from(request.body), "base64");
        return await next(args);
      },
      { step: "build" },
    );
    expect((await s3.send(withMd5)).Deleted?.map(({ Key }) => Key)).toEqual(["a", "b"]);
  });

  test("a multipart upload: parts in any order, listed in pages, one replaced, completed as named", async () => {
    const Key = "disk.qcow2";
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, Metadata: { sha256: "abc" } }));
    const parts = [randomBytes(leastPart), randomBytes(leastPart + 1), randomBytes(7)];
    const upload = (PartNumber: number, Body: Buffer) =>
      s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ContentMD5: md5(Body, "base64") }));
    await upload(3, parts[2] as Buffer);
    await upload(1, randomBytes(10));
    await upload(9, randomBytes(10));
    expect((await upload(1, parts[0] as Buffer)).ETag).toBe(quoted(md5(parts[0] as Buffer)));
    await upload(2, parts[1] as Buffer);

    const seen: unknown[] = [];
    for (let PartNumberMarker: string | undefined = "0"; PartNumberMarker !== undefined; ) {
      const page: ListPartsCommandOutput = await s3.send(
        new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 2, PartNumberMarker }),
      );
      seen.push(...(page.Parts ?? []).map(({ PartNumber, Size }) => [PartNumber, Size]));
      PartNumberMarker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    }
    expect(seen).toEqual([
      [1, leastPart],
      [2, leastPart + 1],
      [3, 7],
      [9, 10],
    ]);
    expect(fixture.store.entries()).toMatchObject([
      { kind: "upload", key: Key, uploadId: UploadId, sizeBytes: 2 * leastPart + 18, region: fixture.region },
    ]);

    const complete = (named: readonly (readonly [number, string])[]) =>
      s3.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId,
          MultipartUpload: { Parts: named.map(([PartNumber, ETag]) => ({ PartNumber, ETag })) },
        }),
      );
    const etags = parts.map((part) => `"${md5(part)}"`) as [string, string, string];
    const nine =
      (await s3.send(new ListPartsCommand({ Bucket, Key, UploadId, PartNumberMarker: "3" }))).Parts?.[0]?.ETag ?? "";
    await expect(complete([])).rejects.toMatchObject({ name: "MalformedXML" });
    await expect(
      complete([
        [2, etags[1]],
        [1, etags[0]],
      ]),
    ).rejects.toMatchObject({ name: "InvalidPartOrder" });
    await expect(complete([[1, etags[1]]])).rejects.toMatchObject({ name: "InvalidPart" });
    await expect(
      complete([
        [1, etags[0]],
        [4, etags[1]],
      ]),
    ).rejects.toMatchObject({ name: "InvalidPart" });
    await expect(
      complete([
        [3, etags[2]],
        [9, nine],
      ]),
    ).rejects.toMatchObject({ name: "EntityTooSmall" });

    const done = await complete([
      [1, etags[0]],
      [2, etags[1]],
      [3, etags[2]],
    ]);
    const whole = md5(Buffer.concat(parts.map((part) => Buffer.from(md5(part), "hex"))));
    expect(done.ETag).toBe(quoted(`${whole}-3`));
    const path = await fixture.store.openObject(Bucket, Key);
    expect((await readFile(path ?? "")).equals(Buffer.concat(parts))).toBe(true);
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key }))).Metadata?.["sha256"]).toBe("abc");
    // It is gone: who lost the first answer has to look for the object.
    await expect(complete([[1, etags[0]]])).rejects.toMatchObject({ name: "NoSuchUpload" });
    await remove(Key);
  });

  test("open uploads are listed in pages and aborted with all their parts", async () => {
    const begun: string[] = [];
    for (const Key of ["b", "a", "b", "other"]) {
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
      begun.push(`${Key} ${UploadId}`);
      await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "x" }));
    }
    const listed: string[] = [];
    for (let KeyMarker: string | undefined = "", UploadIdMarker: string | undefined = ""; KeyMarker !== undefined; ) {
      const page: ListMultipartUploadsCommandOutput = await s3.send(
        new ListMultipartUploadsCommand({ Bucket, MaxUploads: 1, KeyMarker, UploadIdMarker: UploadIdMarker ?? "" }),
      );
      listed.push(...(page.Uploads ?? []).map(({ Key, UploadId }) => `${Key} ${UploadId}`));
      KeyMarker = page.IsTruncated ? page.NextKeyMarker : undefined;
      UploadIdMarker = page.NextUploadIdMarker;
    }
    expect(listed).toEqual([...begun].sort());
    const some = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: "oth" }));
    expect(some.Uploads?.map(({ Key }) => Key)).toEqual(["other"]);
    for (const [Key, UploadId] of begun.map((text) => text.split(" ")))
      await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    const [Key, UploadId] = (begun[0] ?? "").split(" ");
    await expect(s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))).rejects.toMatchObject({
      name: "NoSuchUpload",
    });
    await expect(
      s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "x" })),
    ).rejects.toMatchObject({ name: "NoSuchUpload" });
    await expect(
      s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 10_001, Body: "x" })),
    ).rejects.toMatchObject({ name: "InvalidArgument" });
  });

  test("what the SDK does by default is refused: a stream in chunks with a sum behind it", async () => {
    const usual = fixture.client({ requestChecksumCalculation: "WHEN_SUPPORTED" });
    const put = new PutObjectCommand({ Bucket, Key: "a", Body: Readable.from([Buffer.from("abc")]), ContentLength: 3 });
    const refusal = {
      cos: {
        name: "NotImplemented",
        message: "Aws MultiChunkedEncoding is not supported.",
        $metadata: { httpStatusCode: 501 },
      },
      oss: { name: "InvalidArgument", EC: "0017-00000804", $metadata: { httpStatusCode: 400 } },
      obs: { name: "XAmzContentSHA256Mismatch", $metadata: { httpStatusCode: 400 } },
    }[dialect];
    await expect(usual.send(put)).rejects.toMatchObject(refusal);
    // With sums only where they are required, the body is left out of the signature.
    await s3.send(
      new PutObjectCommand({ Bucket, Key: "a", Body: Readable.from([Buffer.from("abc")]), ContentLength: 3 }),
    );
    await remove("a");
  });

  test("a bucket in the path is refused, each vendor in its own way", async () => {
    const old = fixture.client({ forcePathStyle: true });
    const put = old.send(new PutObjectCommand({ Bucket, Key: "a", Body: "a" }));
    const head = old.send(new HeadBucketCommand({ Bucket }));
    if (dialect === "obs") {
      await head;
      await expect(put).rejects.toMatchObject({ name: "NoSuchKey", $metadata: { httpStatusCode: 404 } });
      return;
    }
    await expect(head).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    await expect(put).rejects.toMatchObject({
      name: dialect === "cos" ? "PathStyleDomainForbidden" : "SecondLevelDomainForbidden",
      $metadata: { httpStatusCode: 403 },
    });
  });

  test("a bucket of another region is not served", async () => {
    const put = s3.send(new PutObjectCommand({ Bucket: `elsewhere-${fixture.account.appId}`, Key: "a", Body: "a" }));
    const name = { cos: "NoSuchBucket", oss: "AccessDenied", obs: "PermanentRedirect" }[dialect];
    await expect(put).rejects.toMatchObject({ name });
  });

  test("an object that is guarded is not overwritten", async () => {
    const guard = { cos: "x-cos-forbid-overwrite", oss: "x-oss-forbid-overwrite", obs: "x-obs-forbid-overwrite" }[
      dialect
    ];
    const put = (Body: string, headers: Record<string, string>) => {
      const command = new PutObjectCommand({ Bucket, Key: "a", Body });
      command.middlewareStack.add(
        (next) => async (args) => {
          Object.assign((args.request as { headers: object }).headers, headers);
          return await next(args);
        },
        { step: "build" },
      );
      return s3.send(command);
    };
    const text = async () => (await s3.send(new GetObjectCommand({ Bucket, Key: "a" }))).Body?.transformToString();
    await put("first", { [guard]: "true", "if-none-match": "*" });
    if (dialect === "obs") await put("second", { [guard]: "true" });
    else await expect(put("second", { [guard]: "true" })).rejects.toMatchObject({ name: "FileAlreadyExists" });
    expect(await text()).toBe(dialect === "obs" ? "second" : "first");
    if (dialect === "cos")
      await expect(put("third", { "if-none-match": "*" })).rejects.toMatchObject({ name: "PreconditionFailed" });
    else await put("third", { "if-none-match": "*" });
    expect(await text()).toBe(dialect === "cos" ? "first" : "third");
    await remove("a");
  });

  test("a life cycle is accepted, with Content-MD5 where the vendor wants it", async () => {
    const command = new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: {
        Rules: [
          {
            ID: "uploads",
            Status: "Enabled",
            Filter: { Prefix: "" },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
          },
        ],
      },
    });
    if (dialect === "oss") await s3.send(command);
    else await expect(s3.send(command)).rejects.toMatchObject({ name: "InvalidRequest" });
  });
});
