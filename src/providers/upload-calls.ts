import type { Readable } from "node:stream";
import type { StoreClient } from "./s3-client.ts";
import { seeingHeaders, withHeaders } from "./s3-client.ts";
import { isMissing } from "./s3-faults.ts";

/** An object that is uploaded, and the calls that it takes. All try again what may pass; errors are the SDK's. */
export interface UploadTarget {
  readonly client: StoreClient;
  readonly bucket: string;
  readonly key: string;
  readonly sha256: string;
  readonly signal: AbortSignal;
}

export interface PartBody {
  readonly body: Readable;
  readonly lengthBytes: number;
  readonly md5: Buffer;
  /** Undefined: the store takes a body that the signature does not cover. */
  readonly sha256: string | undefined;
}

const unsigned = "UNSIGNED-PAYLOAD";

/** What the store has under the key, if it has something. */
export async function headObject(
  target: Omit<UploadTarget, "sha256">,
): Promise<{ sizeBytes: number; sha256: string | undefined } | undefined> {
  const { client, bucket: Bucket, key: Key, signal } = target;
  try {
    const found = await client.call(signal, (s3, options) =>
      s3.send(new client.sdk.HeadObjectCommand({ Bucket, Key }), options),
    );
    return { sizeBytes: found.ContentLength ?? 0, sha256: found.Metadata?.["sha256"] };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** One try: the body can be read only once. */
export async function putObject(target: UploadTarget, { body, lengthBytes, md5, sha256 }: PartBody): Promise<void> {
  const { client, bucket, key, signal } = target;
  const command = new client.sdk.PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: body,
    ContentLength: lengthBytes,
    ContentMD5: md5.toString("base64"),
    ...described(target),
  });
  await client.s3.send(withHeaders(command, { "x-amz-content-sha256": sha256 ?? unsigned, ...guard(target) }), {
    abortSignal: signal,
  });
}

/** One try, as above. Gives the ETag, and whether it may be something else than the MD5: so it is where the bucket encrypts. The store checks the MD5 that it is sent all the same. */
export async function uploadPart(
  target: UploadTarget,
  uploadId: string,
  number: number,
  { body, lengthBytes, md5, sha256 }: PartBody,
): Promise<{ etag: string; isOpaque: boolean }> {
  const { client, bucket, key, signal } = target;
  const command = new client.sdk.UploadPartCommand({
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
    PartNumber: number,
    Body: body,
    ContentLength: lengthBytes,
    ContentMD5: md5.toString("base64"),
  });
  let isOpaque = false;
  seeingHeaders(command, (headers) => {
    // Each vendor has a name of its own for it, beside Amazon's.
    isOpaque = Object.keys(headers).some((name) => /^x-\w+-server-side-encryption$/i.test(name));
  });
  const answer = await client.s3.send(withHeaders(command, { "x-amz-content-sha256": sha256 ?? unsigned }), {
    abortSignal: signal,
  });
  return { etag: bareEtag(answer.ETag), isOpaque };
}

export async function createUpload(target: UploadTarget): Promise<string> {
  const { client, bucket: Bucket, key: Key, signal } = target;
  const answer = await client.call(signal, (s3, options) =>
    s3.send(new client.sdk.CreateMultipartUploadCommand({ Bucket, Key, ...described(target) }), options),
  );
  return answer.UploadId as string;
}

export async function completeUpload(target: UploadTarget, uploadId: string, etags: readonly string[]): Promise<void> {
  const { client, bucket: Bucket, key: Key, signal } = target;
  const Parts = etags.map((etag, index) => ({ PartNumber: index + 1, ETag: `"${etag}"` }));
  await client.call(signal, (s3, options) => {
    const input = { Bucket, Key, UploadId: uploadId, MultipartUpload: { Parts } };
    return s3.send(withHeaders(new client.sdk.CompleteMultipartUploadCommand(input), guard(target)), options);
  });
}

/** What is gone already is no error. */
export async function abortUpload(target: Omit<UploadTarget, "sha256">, uploadId: string): Promise<void> {
  const { client, bucket: Bucket, key: Key, signal } = target;
  try {
    await client.call(signal, (s3, options) =>
      s3.send(new client.sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId: uploadId }), options),
    );
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

export interface ListedPart {
  readonly number: number;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** Errors: `NoSuchUpload`. */
export async function listParts(target: UploadTarget, uploadId: string): Promise<ListedPart[]> {
  const { client, bucket: Bucket, key: Key, signal } = target;
  const listed: ListedPart[] = [];
  for (let marker: string | undefined; ; ) {
    const page = await client.call(signal, (s3, options) =>
      s3.send(
        new client.sdk.ListPartsCommand({
          Bucket,
          Key,
          UploadId: uploadId,
          ...(marker !== undefined && { PartNumberMarker: marker }),
        }),
        options,
      ),
    );
    for (const { PartNumber = 0, Size = 0, ETag } of page.Parts ?? [])
      listed.push({ number: PartNumber, sizeBytes: Size, etag: bareEtag(ETag) });
    const next = page.NextPartNumberMarker;
    if (page.IsTruncated !== true || next === undefined || next === marker) return listed;
    marker = next;
  }
}

/** Ids of the unfinished uploads of this very key, the newest first. */
export async function listUploads(target: Omit<UploadTarget, "sha256">): Promise<string[]> {
  const { client, bucket: Bucket, key, signal } = target;
  const found: { id: string; at: number }[] = [];
  for (let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
    const page = await client.call(signal, (s3, options) =>
      s3.send(new client.sdk.ListMultipartUploadsCommand({ Bucket, Prefix: key, ...marker }), options),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? [])
      if (Key === key && UploadId !== undefined) found.push({ id: UploadId, at: Initiated?.getTime() ?? 0 });
    const { NextKeyMarker, NextUploadIdMarker } = page;
    const isSame = NextKeyMarker === marker.KeyMarker && NextUploadIdMarker === marker.UploadIdMarker;
    // Keys come in order: what follows the key is of no interest.
    if (page.IsTruncated !== true || NextKeyMarker === undefined || NextKeyMarker > key || isSame)
      return found.sort((one, other) => other.at - one.at).map(({ id }) => id);
    marker = {
      KeyMarker: NextKeyMarker,
      ...(NextUploadIdMarker !== undefined && { UploadIdMarker: NextUploadIdMarker }),
    };
  }
}

function described({ sha256 }: UploadTarget) {
  return { ContentType: "application/octet-stream", Metadata: { sha256 } };
}

function guard({ client }: UploadTarget): Record<string, string> {
  const { overwriteGuard } = client.dialect;
  return overwriteGuard === undefined ? {} : { [overwriteGuard.header]: overwriteGuard.value };
}

function bareEtag(etag: string | undefined): string {
  return (etag ?? "").replace(/^"|"$/g, "");
}
