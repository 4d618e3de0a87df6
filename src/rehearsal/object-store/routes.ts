import {
  createBucket,
  deleteBucket,
  deleteLifecycle,
  deleteObjects,
  getBucketAcl,
  getBucketLocation,
  getLifecycle,
  headBucket,
  listBuckets,
  putLifecycle,
} from "./bucket-operations.ts";
import { listObjectsV1, listObjectsV2, listUploads } from "./list-operations.ts";
import { abortUpload, completeUpload, createUpload, listParts, uploadPart } from "./multipart-operations.ts";
import { copyObject, deleteObject, getObject, headObject, putObject } from "./object-operations.ts";
import type { StoreOperation } from "./operation.ts";
import type { StoreRequest } from "./store-request.ts";

/** Every call that the store knows, by the names of Amazon's API. */
export const storeOperations = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  HeadBucket: headBucket,
  DeleteBucket: deleteBucket,
  GetBucketLocation: getBucketLocation,
  GetBucketAcl: getBucketAcl,
  PutBucketLifecycleConfiguration: putLifecycle,
  GetBucketLifecycleConfiguration: getLifecycle,
  DeleteBucketLifecycle: deleteLifecycle,
  ListObjects: listObjectsV1,
  ListObjectsV2: listObjectsV2,
  ListMultipartUploads: listUploads,
  DeleteObjects: deleteObjects,
  PutObject: putObject,
  GetObject: getObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
  CopyObject: copyObject,
  CreateMultipartUpload: createUpload,
  UploadPart: uploadPart,
  CompleteMultipartUpload: completeUpload,
  AbortMultipartUpload: abortUpload,
  ListParts: listParts,
} as const satisfies Record<string, StoreOperation>;

export type StoreOperationName = keyof typeof storeOperations;

type Routes = Readonly<Record<string, StoreOperationName>>;

/** Method, then the sub-resources of the query in alphabetical order. */
const serviceRoutes: Routes = { GET: "ListBuckets" };
const bucketRoutes: Routes = {
  PUT: "CreateBucket",
  HEAD: "HeadBucket",
  DELETE: "DeleteBucket",
  GET: "ListObjects",
  "GET list-type": "ListObjectsV2",
  "GET location": "GetBucketLocation",
  "GET acl": "GetBucketAcl",
  "GET uploads": "ListMultipartUploads",
  "PUT lifecycle": "PutBucketLifecycleConfiguration",
  "GET lifecycle": "GetBucketLifecycleConfiguration",
  "DELETE lifecycle": "DeleteBucketLifecycle",
  "POST delete": "DeleteObjects",
};
const objectRoutes: Routes = {
  PUT: "PutObject",
  GET: "GetObject",
  HEAD: "HeadObject",
  DELETE: "DeleteObject",
  "POST uploads": "CreateMultipartUpload",
  "PUT partNumber uploadId": "UploadPart",
  "POST uploadId": "CompleteMultipartUpload",
  "DELETE uploadId": "AbortMultipartUpload",
  "GET uploadId": "ListParts",
};

/** Names in the query that make another call of it. Those of calls that this store does not know must not be taken for an object's plain ones. */
const subresources = new Set(
  `accelerate acl analytics append attributes cors delete encryption intelligent-tiering inventory legal-hold lifecycle list-type location logging
  metadata metrics notification object-lock ownershipControls partNumber policy policyStatus publicAccessBlock replication requestPayment restore
  retention select select-type symlink tagging torrent uploadId uploads versionId versioning versions website`.split(
    /\s+/,
  ),
);

/** Undefined: no call that this store knows. */
export function routeOf({ method, query, bucket, key, headers }: StoreRequest): StoreOperationName | undefined {
  const routes = bucket === undefined ? serviceRoutes : key === "" ? bucketRoutes : objectRoutes;
  const names = [...query.keys()].filter((name) => subresources.has(name)).sort();
  const name = routes[[method, ...names].join(" ")];
  const isCopy = [...headers.keys()].some((header) => /^x-(amz|cos|oss|obs)-copy-source$/.test(header));
  if (!isCopy) return name;
  return name === "PutObject" ? "CopyObject" : undefined;
}
