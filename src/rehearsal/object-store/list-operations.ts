import { bucketFor, numberOf, type StoreCall, type StoreOperation } from "./operation.ts";
import { refuse } from "./store-error.ts";
import { encodePercent } from "./store-request.ts";
import type { StoredFile } from "./store-state.ts";
import { s3Namespace, type XmlElement, xmlDocument, xmlTime } from "./xml-writer.ts";

interface Page {
  readonly objects: readonly StoredFile[];
  readonly prefixes: readonly string[];
  /** The last key or prefix, if there is more. */
  readonly next: string | undefined;
}

export const listObjectsV2: StoreOperation = (call) => {
  const { query } = call.request;
  const token = query.get("continuation-token");
  const after = token === undefined ? (query.get("start-after") ?? "") : decodeToken(token);
  const { page, common, show } = list(call, after);
  const document = xmlDocument(
    "ListBucketResult",
    [
      ...common,
      ["KeyCount", page.objects.length + page.prefixes.length],
      ["StartAfter", query.has("start-after") ? show(query.get("start-after") ?? "") : undefined],
      ["ContinuationToken", token],
      ["NextContinuationToken", page.next === undefined ? undefined : Buffer.from(page.next).toString("base64url")],
    ],
    s3Namespace,
  );
  return { status: 200, document };
};

export const listObjectsV1: StoreOperation = (call) => {
  const marker = call.request.query.get("marker") ?? "";
  const { page, common, show } = list(call, marker);
  const document = xmlDocument(
    "ListBucketResult",
    [...common, ["Marker", show(marker)], ["NextMarker", page.next === undefined ? undefined : show(page.next)]],
    s3Namespace,
  );
  return { status: 200, document };
};

export const listUploads: StoreOperation = (call) => {
  const bucket = bucketFor(call, "own");
  const { query } = call.request;
  const show = shown(call);
  const most = numberOf(call, "max-uploads", 1000, 0, 2 ** 31 - 1);
  const prefix = query.get("prefix") ?? "";
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("upload-id-marker") ?? "";
  if (query.get("delimiter")) refuse(501, "NotImplemented", "This emulator lists uploads without a delimiter only.");
  const later = [...bucket.uploads.values()]
    .filter(({ key, id }) => {
      if (!key.startsWith(prefix)) return false;
      const order = byBytes(key, keyMarker);
      // The second marker counts only together with the first one.
      return order > 0 || (order === 0 && keyMarker !== "" && idMarker !== "" && id > idMarker);
    })
    .sort((a, b) => byBytes(a.key, b.key) || (a.id < b.id ? -1 : 1));
  const page = later.slice(0, Math.min(most, 1000));
  const last = page.length < later.length ? page.at(-1) : undefined;
  const document = xmlDocument(
    "ListMultipartUploadsResult",
    [
      ["Bucket", bucket.name],
      ["EncodingType", query.get("encoding-type")],
      ["KeyMarker", show(keyMarker)],
      ["UploadIdMarker", idMarker],
      ["NextKeyMarker", last === undefined ? undefined : show(last.key)],
      ["NextUploadIdMarker", last?.id],
      ["Prefix", show(prefix)],
      ["MaxUploads", Math.min(most, 1000)],
      ["IsTruncated", page.length < later.length],
      ...page.map(
        ({ key, id, startedMs, storageClass }) =>
          [
            "Upload",
            [
              ["Key", show(key)],
              ["UploadId", id],
              ["StorageClass", storageClass],
              ["Initiated", xmlTime(startedMs)],
            ],
          ] as const,
      ),
    ],
    s3Namespace,
  );
  return { status: 200, document };
};

/** What both versions of listing have in common. */
function list(call: StoreCall, after: string) {
  const bucket = bucketFor(call, "read");
  const { query } = call.request;
  const show = shown(call);
  const most = Math.min(numberOf(call, "max-keys", 1000, 0, 2 ** 31 - 1), 1000);
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const page = pageOf(bucket.objects, { prefix, delimiter, after, most });
  const common: XmlElement[] = [
    ["Name", bucket.name],
    ["Prefix", show(prefix)],
    ["Delimiter", delimiter === "" ? undefined : show(delimiter)],
    ["EncodingType", query.get("encoding-type")],
    ["MaxKeys", most],
    ["IsTruncated", page.next !== undefined],
    ...page.objects.map(
      ({ key, modifiedMs, etag, contents, storageClass }): XmlElement => [
        "Contents",
        [
          ["Key", show(key)],
          ["LastModified", xmlTime(modifiedMs)],
          ["ETag", `"${etag}"`],
          ["Size", contents.sizeBytes],
          ["StorageClass", storageClass],
        ],
      ],
    ),
    ...page.prefixes.map((name): XmlElement => ["CommonPrefixes", [["Prefix", show(name)]]]),
  ];
  return { page, common, show };
}

function pageOf(
  objects: ReadonlyMap<string, StoredFile>,
  { prefix, delimiter, after, most }: { prefix: string; delimiter: string; after: string; most: number },
): Page {
  const found: StoredFile[] = [];
  const prefixes = new Set<string>();
  let last = after;
  const groupOf = (key: string) => {
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    return end < 0 ? undefined : key.slice(0, end + delimiter.length);
  };
  for (const [key, object] of [...objects].sort(([a], [b]) => byBytes(a, b))) {
    if (!key.startsWith(prefix) || byBytes(key, after) <= 0) continue;
    const group = groupOf(key);
    // The page before ended with the whole group.
    if (group !== undefined && (group === after || prefixes.has(group))) continue;
    if (found.length + prefixes.size >= most)
      return { objects: found, prefixes: [...prefixes], next: most === 0 ? undefined : last };
    if (group === undefined) found.push(object);
    else prefixes.add(group);
    last = group ?? key;
  }
  return { objects: found, prefixes: [...prefixes], next: undefined };
}

function shown({ request }: StoreCall): (text: string) => string {
  const encoding = request.query.get("encoding-type");
  if (encoding === undefined) return (text) => text;
  if (encoding !== "url") refuse(400, "InvalidArgument", "Invalid Encoding Method specified in Request");
  return (text) => text.split("/").map(encodePercent).join("/");
}

/** Stores sort by the bytes of UTF-8, JavaScript by the units of UTF-16. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function decodeToken(token: string): string {
  const text = Buffer.from(token, "base64url").toString("utf8");
  if (Buffer.from(text).toString("base64url") !== token)
    refuse(400, "InvalidArgument", "The continuation token provided is incorrect", {
      ArgumentName: "continuation-token",
    });
  return text;
}
