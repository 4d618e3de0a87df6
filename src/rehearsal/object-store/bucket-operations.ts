import { aclOf, bucketFor, demandMd5, expectedBody, type StoreOperation, vendorHeader } from "./operation.ts";
import { receiveDocument } from "./receive.ts";
import { refuse } from "./store-error.ts";
import { makeBucket } from "./store-state.ts";
import { childText, readXml } from "./xml-reader.ts";
import { s3Namespace, xmlDocument, xmlTime } from "./xml-writer.ts";

export const createBucket: StoreOperation = async (call) => {
  const { request, dialect, buckets, caller } = call;
  const text = await receiveDocument(call.body, expectedBody(call));
  const name = request.bucket ?? "";
  const region = request.place?.region ?? "";
  if (!dialect.bucketName.test(name)) refuse(400, "InvalidBucketName", "The specified bucket is not valid.");
  const { account } = caller;
  if (account === undefined || (dialect.bucketNamesOwner && !name.endsWith(`-${account}`)))
    refuse(403, "AccessDenied", "Access Denied");
  const wanted = text === "" ? undefined : readXml(text);
  const location =
    wanted === undefined ? undefined : (childText(wanted, "LocationConstraint") ?? childText(wanted, "Location"));
  if (location !== undefined && location !== region && location !== dialect.location(region))
    refuse(400, "InvalidLocationConstraint", "The specified location constraint is not valid for this endpoint.");
  const storageClass = (
    (wanted && childText(wanted, "StorageClass")) ??
    vendorHeader(call, "storage-class") ??
    request.headers.get("x-default-storage-class") ??
    "STANDARD"
  ).toUpperCase();
  const existing = buckets.get(name);
  if (existing !== undefined && (existing.account !== account || existing.region !== region || dialect.name === "cos"))
    refuse(
      409,
      existing.account === account ? "BucketAlreadyOwnedByYou" : "BucketAlreadyExists",
      "The requested bucket name is not available. Please select a different name and try again.",
    );
  if (existing === undefined)
    buckets.set(name, makeBucket({ name, region, storageClass, acl: aclOf(call) ?? "private", account }, call.nowMs));
  return { status: 200, headers: { location: `/${name}` } };
};

export const headBucket: StoreOperation = (call) => ({
  status: 200,
  headers: call.dialect.bucketHeaders(bucketFor(call, "read")),
});

export const deleteBucket: StoreOperation = (call) => {
  const bucket = bucketFor(call, "own");
  if (bucket.objects.size > 0 || bucket.uploads.size > 0)
    refuse(409, "BucketNotEmpty", "The bucket you tried to delete is not empty.");
  call.buckets.delete(bucket.name);
  return { status: 204 };
};

export const getBucketLocation: StoreOperation = (call) => {
  const { region } = bucketFor(call, "own");
  return { status: 200, document: xmlDocument("LocationConstraint", call.dialect.location(region), s3Namespace) };
};

export const listBuckets: StoreOperation = ({ buckets, caller: { account } }) => {
  if (account === undefined) refuse(403, "AccessDenied", "Access Denied");
  const own = [...buckets.values()].filter((bucket) => bucket.account === account);
  const rows = own.map(
    ({ name, createdMs }) =>
      [
        "Bucket",
        [
          ["Name", name],
          ["CreationDate", xmlTime(createdMs)],
        ],
      ] as const,
  );
  const document = xmlDocument(
    "ListAllMyBucketsResult",
    [
      [
        "Owner",
        [
          ["ID", account],
          ["DisplayName", account],
        ],
      ],
      ["Buckets", rows],
    ],
    s3Namespace,
  );
  return { status: 200, document };
};

export const getBucketAcl: StoreOperation = (call) => {
  const { account, acl } = bucketFor(call, "own");
  const grant = (who: string, permission: string) =>
    [
      "Grant",
      [
        ["Grantee", [[who.startsWith("http") ? "URI" : "ID", who]]],
        ["Permission", permission],
      ],
    ] as const;
  const everybody = "http://acs.amazonaws.com/groups/global/AllUsers";
  const grants = [
    grant(account, "FULL_CONTROL"),
    ...(acl === "private" ? [] : [grant(everybody, "READ")]),
    ...(acl === "public-read-write" ? [grant(everybody, "WRITE")] : []),
  ];
  const document = xmlDocument(
    "AccessControlPolicy",
    [
      [
        "Owner",
        [
          ["ID", account],
          ["DisplayName", account],
        ],
      ],
      ["AccessControlList", grants],
    ],
    s3Namespace,
  );
  return { status: 200, document };
};

export const putLifecycle: StoreOperation = async (call) => {
  const bucket = bucketFor(call, "own");
  if (call.dialect.lifecycleNeedsMd5) demandMd5(call);
  const text = await receiveDocument(call.body, expectedBody(call));
  const rules = readXml(text);
  if (rules.name !== "LifecycleConfiguration" || !rules.children.some(({ name }) => name === "Rule"))
    refuse(400, "MalformedXML", "The XML you provided did not validate against our published schema");
  bucket.lifecycle = text;
  return { status: 200 };
};

export const getLifecycle: StoreOperation = (call) => ({
  status: 200,
  document:
    bucketFor(call, "own").lifecycle ??
    refuse(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist."),
});

export const deleteLifecycle: StoreOperation = (call) => {
  bucketFor(call, "own").lifecycle = undefined;
  return { status: 204 };
};

/** Takes objects away one by one; what is not there counts as deleted. */
export const deleteObjects: StoreOperation = async (call) => {
  const bucket = bucketFor(call, "write");
  demandMd5(call);
  const root = readXml(await receiveDocument(call.body, expectedBody(call)));
  const keys = root.children.filter(({ name }) => name === "Object").map((node) => childText(node, "Key") ?? "");
  if (root.name !== "Delete" || keys.length === 0 || keys.length > 1000 || keys.includes(""))
    refuse(400, "MalformedXML", "The XML you provided did not validate against our published schema");
  for (const key of keys) {
    const object = bucket.objects.get(key);
    bucket.objects.delete(key);
    await object?.contents.remove();
  }
  const isQuiet = childText(root, "Quiet") === "true";
  const rows = isQuiet ? [] : keys.map((key) => ["Deleted", [["Key", key]]] as const);
  return { status: 200, document: xmlDocument("DeleteResult", rows, s3Namespace) };
};
