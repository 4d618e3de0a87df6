import { createHash, randomBytes } from "node:crypto";
import { contentsOf, joinContents } from "./contents.ts";
import { checkKey, checkOverwrite, etagOf, factsOf, overwriteGuard, store } from "./object-operations.ts";
import { bucketFor, expectedBody, numberOf, type StoreCall, type StoreOperation } from "./operation.ts";
import { receiveDocument, receiveFile } from "./receive.ts";
import { refuse } from "./store-error.ts";
import type { Bucket, OpenUpload, UploadedPart } from "./store-state.ts";
import { childText, readXml } from "./xml-reader.ts";
import { s3Namespace, xmlDocument, xmlTime } from "./xml-writer.ts";

const mostParts = 10_000;

export const createUpload: StoreOperation = (call) => {
  const bucket = bucketFor(call, "write");
  const { key } = call.request;
  checkKey(key);
  checkOverwrite(bucket, key, overwriteGuard(call));
  const id = randomBytes(16).toString("hex");
  bucket.uploads.set(id, {
    ...factsOf(call),
    id,
    startedMs: call.nowMs,
    parts: new Map(),
    guard: overwriteGuard(call),
  });
  const document = xmlDocument(
    "InitiateMultipartUploadResult",
    [
      ["Bucket", bucket.name],
      ["Key", key],
      ["UploadId", id],
    ],
    s3Namespace,
  );
  return { status: 200, document };
};

export const uploadPart: StoreOperation = async (call) => {
  const number = numberOf(call, "partNumber", 0, 1, mostParts);
  uploadFor(call, bucketFor(call, "write"));
  const path = call.newPath();
  const { sizeBytes, md5 } = await receiveFile(call.body, path, expectedBody(call));
  const contents = contentsOf(path, sizeBytes);
  let upload: OpenUpload;
  try {
    // It may have been aborted or completed meanwhile.
    upload = uploadFor(call, bucketFor(call, "write"));
  } catch (error) {
    await contents.remove();
    throw error;
  }
  const before = upload.parts.get(number);
  const { encryption } = bucketFor(call, "write");
  const etag = etagOf(call, encryption === undefined ? md5 : createHash("md5").update(encryption).update(md5).digest());
  upload.parts.set(number, { number, contents, md5, etag, modifiedMs: call.nowMs });
  await before?.contents.remove();
  const told = encryption && { [`${call.dialect.headerPrefix}server-side-encryption`]: encryption };
  return { status: 200, headers: { etag: `"${etag}"`, ...told } };
};

/** The order, the ETags and the sizes of all parts are checked now, and not before. */
export const completeUpload: StoreOperation = async (call) => {
  const expected = expectedBody(call);
  const root = readXml(await receiveDocument(call.body, expected));
  const bucket = bucketFor(call, "write");
  const upload = uploadFor(call, bucket);
  const named = root.children.filter(({ name }) => name === "Part");
  if (root.name !== "CompleteMultipartUpload" || named.length === 0)
    refuse(400, "MalformedXML", "The XML you provided did not validate against our published schema");
  const parts = named.map((node) => {
    const number = Number(childText(node, "PartNumber"));
    const etag = (childText(node, "ETag") ?? "").trim().replace(/^"(.*)"$/, "$1");
    return partNamed(upload, number, etag);
  });
  if (parts.some(({ number }, at) => number <= (parts[at - 1]?.number ?? 0)))
    refuse(
      400,
      "InvalidPartOrder",
      "The list of parts was not in ascending order. Parts list must be specified in order by part number.",
    );
  const small = parts.slice(0, -1).find(({ contents }) => contents.sizeBytes < call.dialect.leastPartBytes);
  if (small !== undefined)
    refuse(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size.", {
      ProposedSize: String(small.contents.sizeBytes),
      MinSizeAllowed: String(call.dialect.leastPartBytes),
      PartNumber: String(small.number),
      ETag: small.etag,
    });
  checkOverwrite(bucket, upload.key, upload.guard ?? overwriteGuard(call));

  bucket.uploads.delete(upload.id);
  const md5 = createHash("md5")
    .update(Buffer.concat(parts.map((part) => part.md5)))
    .digest();
  const etag = etagOf(call, md5, `-${parts.length}`);
  const { key, headers, storageClass, acl } = upload;
  const contents = joinContents(parts.map((part) => part.contents));
  await store(bucket, { key, headers, storageClass, acl, contents, etag, modifiedMs: call.nowMs });
  await Promise.all([...upload.parts.values()].filter((part) => !parts.includes(part)).map(drop));
  const document = xmlDocument(
    "CompleteMultipartUploadResult",
    [
      ["Location", `http://${call.request.host}/${key}`],
      ["Bucket", bucket.name],
      ["Key", key],
      ["ETag", `"${etag}"`],
    ],
    s3Namespace,
  );
  return { status: 200, document };
};

export const abortUpload: StoreOperation = async (call) => {
  const bucket = bucketFor(call, "write");
  const upload = uploadFor(call, bucket);
  bucket.uploads.delete(upload.id);
  await Promise.all([...upload.parts.values()].map(drop));
  return { status: 204 };
};

export const listParts: StoreOperation = (call) => {
  const bucket = bucketFor(call, "own");
  const upload = uploadFor(call, bucket);
  const most = numberOf(call, "max-parts", 1000, 0, 2 ** 31 - 1);
  const marker = numberOf(call, "part-number-marker", 0, 0, 2 ** 31 - 1);
  const later = [...upload.parts.values()].filter(({ number }) => number > marker).sort((a, b) => a.number - b.number);
  const page = later.slice(0, Math.min(most, 1000));
  const document = xmlDocument(
    "ListPartsResult",
    [
      ["Bucket", bucket.name],
      ["Key", upload.key],
      ["UploadId", upload.id],
      ["StorageClass", upload.storageClass],
      ["PartNumberMarker", marker],
      ["NextPartNumberMarker", page.at(-1)?.number ?? marker],
      ["MaxParts", Math.min(most, 1000)],
      ["IsTruncated", page.length < later.length],
      ...page.map(
        ({ number, modifiedMs, etag, contents }) =>
          [
            "Part",
            [
              ["PartNumber", number],
              ["LastModified", xmlTime(modifiedMs)],
              ["ETag", `"${etag}"`],
              ["Size", contents.sizeBytes],
            ],
          ] as const,
      ),
    ],
    s3Namespace,
  );
  return { status: 200, document };
};

function uploadFor({ request }: StoreCall, bucket: Bucket): OpenUpload {
  const id = request.query.get("uploadId") ?? "";
  const upload = bucket.uploads.get(id);
  if (upload === undefined || upload.key !== request.key)
    refuse(
      404,
      "NoSuchUpload",
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
      { UploadId: id },
    );
  return upload;
}

function partNamed(upload: OpenUpload, number: number, etag: string): UploadedPart {
  const part = upload.parts.get(number);
  if (part === undefined || part.etag.toLowerCase() !== etag.toLowerCase())
    refuse(
      400,
      "InvalidPart",
      "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
      { PartNumber: String(number), UploadId: upload.id, ETag: etag },
    );
  return part;
}

async function drop({ contents }: UploadedPart): Promise<void> {
  await contents.remove();
}
