import { constants } from "node:fs";
import { copyFile } from "node:fs/promises";
import { contentsOf } from "./contents.ts";
import {
  aclOf,
  bucketFor,
  checkAccess,
  existingBucket,
  expectedBody,
  objectFor,
  type StoreAnswer,
  type StoreCall,
  type StoreOperation,
  vendorHeader,
} from "./operation.ts";
import { receiveFile } from "./receive.ts";
import { refuse } from "./store-error.ts";
import { decodePercent } from "./store-request.ts";
import type { Bucket, ObjectFacts, OverwriteGuard, StoredFile } from "./store-state.ts";
import { xmlDocument, xmlTime } from "./xml-writer.ts";

const keptHeaders = [
  "content-type",
  "content-encoding",
  "content-disposition",
  "content-language",
  "cache-control",
  "expires",
];
const archiveClasses = ["ARCHIVE", "DEEP_ARCHIVE", "COLD", "GLACIER"];

/** What the request says of the object that it makes. */
export function factsOf(call: StoreCall): ObjectFacts {
  const { request, dialect } = call;
  const headers: Record<string, string> = {};
  for (const [name, value] of request.headers) {
    if (keptHeaders.includes(name) || name.startsWith("x-amz-meta-")) headers[name] = value;
    const own = `${dialect.headerPrefix}meta-`;
    if (name.startsWith(own)) headers[`x-amz-meta-${name.slice(own.length)}`] = value;
  }
  const bucket = call.buckets.get(request.bucket ?? "");
  return {
    key: request.key,
    headers,
    storageClass: (vendorHeader(call, "storage-class") ?? bucket?.storageClass ?? "STANDARD").toUpperCase(),
    acl: aclOf(call),
  };
}

/** How the request keeps an object from being overwritten: by the vendor's header, by a condition of HTTP, or not at all. */
export function overwriteGuard({ request, dialect }: StoreCall): OverwriteGuard {
  const header = dialect.forbidOverwriteHeader;
  if (header !== undefined && request.headers.get(header)?.toLowerCase() === "true") return "header";
  return dialect.ifNoneMatchOnPut && request.headers.get("if-none-match") === "*" ? "condition" : undefined;
}

/** Errors: `PreconditionFailed`, `FileAlreadyExists` */
export function checkOverwrite(bucket: Bucket, key: string, guard: OverwriteGuard): void {
  if (guard === undefined || !bucket.objects.has(key)) return;
  if (guard === "header")
    refuse(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.");
  refuse(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    Condition: "If-None-Match",
  });
}

/** Takes the place of what was there. */
export async function store(bucket: Bucket, object: StoredFile): Promise<void> {
  const before = bucket.objects.get(object.key);
  bucket.objects.set(object.key, object);
  await before?.contents.remove();
}

export function etagOf({ dialect }: StoreCall, md5: Buffer, suffix = ""): string {
  const hex = md5.toString("hex");
  return `${dialect.upperCaseEtags ? hex.toUpperCase() : hex}${suffix}`;
}

export const putObject: StoreOperation = async (call) => {
  const bucket = bucketFor(call, "write");
  checkKey(call.request.key);
  checkOverwrite(bucket, call.request.key, overwriteGuard(call));
  const path = call.newPath();
  const { sizeBytes, md5 } = await receiveFile(call.body, path, expectedBody(call));
  const contents = contentsOf(path, sizeBytes);
  try {
    // Others may have been quicker.
    bucketFor(call, "write");
    checkOverwrite(bucket, call.request.key, overwriteGuard(call));
  } catch (error) {
    await contents.remove();
    throw error;
  }
  const etag = etagOf(call, md5);
  await store(bucket, { ...factsOf(call), contents, etag, modifiedMs: call.nowMs });
  return { status: 200, headers: { etag: `"${etag}"` } };
};

export const headObject: StoreOperation = (call) => describe(call, objectFor(call));

export const getObject: StoreOperation = async (call) => {
  const object = objectFor(call);
  const answer = describe(call, object);
  if (answer.status !== 200) return answer;
  if (archiveClasses.includes(object.storageClass))
    refuse(403, "InvalidObjectState", "The operation is not valid for the object's state");
  const { sizeBytes } = object.contents;
  const range = rangeOf(call.request.headers.get("range"), sizeBytes);
  const path = await object.contents.file();
  if (range === undefined) return { ...answer, file: { path, start: 0, end: sizeBytes - 1 } };
  const { start, end } = range;
  const headers = {
    ...answer.headers,
    "content-length": String(end - start + 1),
    "content-range": `bytes ${start}-${end}/${sizeBytes}`,
  };
  return { status: 206, headers, file: { path, start, end } };
};

export const deleteObject: StoreOperation = async (call) => {
  const bucket = bucketFor(call, "write");
  const object = bucket.objects.get(call.request.key);
  bucket.objects.delete(call.request.key);
  await object?.contents.remove();
  return { status: 204 };
};

export const copyObject: StoreOperation = async (call) => {
  const bucket = bucketFor(call, "write");
  const { key } = call.request;
  checkKey(key);
  checkOverwrite(bucket, key, overwriteGuard(call));
  const named = decodePercent((vendorHeader(call, "copy-source") ?? "").replace(/\?.*$/, ""));
  const [, fromBucket, fromKey] = /^\/?([^/]+)\/([\s\S]+)$/.exec(named) ?? [];
  if (fromBucket === undefined || fromKey === undefined)
    refuse(400, "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  const source = existingBucket(call, fromBucket);
  const object = source.objects.get(fromKey);
  checkAccess(call, source, "read", object);
  if (object === undefined) refuse(404, "NoSuchKey", "The specified key does not exist.", { Key: fromKey });
  const facts = factsOf(call);
  const isReplaced = vendorHeader(call, "metadata-directive")?.toUpperCase() === "REPLACE";
  const path = call.newPath();
  await copyFile(await object.contents.file(), path, constants.COPYFILE_FICLONE);
  await store(bucket, {
    ...facts,
    headers: isReplaced ? facts.headers : object.headers,
    contents: contentsOf(path, object.contents.sizeBytes),
    etag: object.etag,
    modifiedMs: call.nowMs,
  });
  const document = xmlDocument("CopyObjectResult", [
    ["LastModified", xmlTime(call.nowMs)],
    ["ETag", `"${object.etag}"`],
  ]);
  return { status: 200, document };
};

/** Errors: `KeyTooLongError` */
export function checkKey(key: string): void {
  if (Buffer.byteLength(key) > 1023) refuse(400, "KeyTooLongError", "Your key is too long");
}

function describe({ request }: StoreCall, object: StoredFile): StoreAnswer {
  const etag = `"${object.etag}"`;
  const isNamed = (list: string) => list.split(",").some((name) => ["*", etag, object.etag].includes(name.trim()));
  const wanted = request.headers.get("if-match");
  if (wanted !== undefined && !isNamed(wanted))
    refuse(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
      Condition: "If-Match",
    });
  const known = request.headers.get("if-none-match");
  if (known !== undefined && isNamed(known)) return { status: 304, headers: { etag } };
  return {
    status: 200,
    headers: {
      "content-type": "application/octet-stream",
      ...object.headers,
      "content-length": String(object.contents.sizeBytes),
      "accept-ranges": "bytes",
      etag,
      "last-modified": new Date(object.modifiedMs).toUTCString(),
      ...(object.storageClass !== "STANDARD" && { "x-amz-storage-class": object.storageClass }),
    },
  };
}

/** One range (RFC 9110 §14.1); several, or nonsense, count as none. Errors: `InvalidRange` */
function rangeOf(header: string | undefined, sizeBytes: number): { start: number; end: number } | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return undefined;
  const start = from === "" ? Math.max(0, sizeBytes - Number(to)) : Number(from);
  const end = from === "" || to === "" ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
  if (start >= sizeBytes || (from === "" && Number(to) === 0))
    refuse(416, "InvalidRange", "The requested range cannot be satisfied.");
  return { start, end };
}
