import type { Caller } from "./authorize.ts";
import { endpointOf, type StoreDialect } from "./dialect.ts";
import type { ExpectedBody, RequestBody } from "./receive.ts";
import { refuse } from "./store-error.ts";
import type { StoreRequest } from "./store-request.ts";
import type { Bucket, StoreAcl, StoredFile } from "./store-state.ts";

/** What an operation is given. */
export interface StoreCall {
  readonly dialect: StoreDialect;
  readonly request: StoreRequest;
  readonly caller: Caller;
  readonly body: RequestBody;
  readonly buckets: Map<string, Bucket>;
  readonly nowMs: number;
  /** A path for a new file. */
  newPath(): string;
}

export interface StoreAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** XML. */
  readonly document?: string | undefined;
  /** Bytes of a file, both ends included; an empty one has `end` before `start`. */
  readonly file?: { readonly path: string; readonly start: number; readonly end: number } | undefined;
}

export type StoreOperation = (call: StoreCall) => Promise<StoreAnswer> | StoreAnswer;

export type Access = "read" | "write" | "own";

/**
 * The bucket of a request, if it is there, may be used by the caller, and is in the region that the host names.
 *
 * Errors: `NoSuchBucket`, `AccessDenied`, and the vendor's own for another region
 */
export function bucketFor(call: StoreCall, access: Access, object?: StoredFile): Bucket {
  const bucket = existingBucket(call, call.request.bucket ?? "");
  if (bucket.region !== call.request.place?.region) {
    const { status, code, message, details } = call.dialect.refusals.wrongRegion(
      endpointOf(call.dialect, bucket.region),
    );
    refuse(status, code, message, details);
  }
  checkAccess(call, bucket, access, object);
  return bucket;
}

export function existingBucket({ buckets }: StoreCall, name: string): Bucket {
  return buckets.get(name) ?? refuse(404, "NoSuchBucket", "The specified bucket does not exist.", { BucketName: name });
}

/** Errors: `AccessDenied` */
export function checkAccess({ caller }: StoreCall, bucket: Bucket, access: Access, object?: StoredFile): void {
  if (caller.account === bucket.account) return;
  const acls: readonly (StoreAcl | undefined)[] = [object?.acl ?? bucket.acl];
  const isAllowed =
    access !== "own" && (acls.includes("public-read-write") || (access === "read" && acls.includes("public-read")));
  if (!isAllowed) refuse(403, "AccessDenied", "Access Denied");
}

/** The object of a request. Errors: those of `bucketFor`, and `NoSuchKey` */
export function objectFor(call: StoreCall): StoredFile {
  const { key, bucket } = call.request;
  const object = call.buckets.get(bucket ?? "")?.objects.get(key);
  bucketFor(call, "read", object);
  return object ?? refuse(404, "NoSuchKey", "The specified key does not exist.", { Key: key });
}

export function expectedBody({ request, caller }: StoreCall): ExpectedBody {
  return { sha256: caller.bodySha256, md5: request.headers.get("content-md5") };
}

/** A header by either of its names: `x-amz-acl`, `x-cos-acl`. */
export function vendorHeader({ request, dialect }: StoreCall, name: string): string | undefined {
  return request.headers.get(`x-amz-${name}`) ?? request.headers.get(`${dialect.headerPrefix}${name}`);
}

/** A whole number of the query. Errors: `InvalidArgument` */
export function numberOf({ request }: StoreCall, name: string, fallback: number, least: number, most: number): number {
  const text = request.query.get(name);
  if (text === undefined || text === "") return fallback;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    refuse(400, "InvalidArgument", `Argument ${name} must be an integer between ${least} and ${most}, inclusive`, {
      ArgumentName: name,
      ArgumentValue: text,
    });
  return value;
}

/** Errors: the vendor's own for a request that must bring Content-MD5 and does not. */
export function demandMd5({ request, dialect }: StoreCall): void {
  const { status, code, message } = dialect.refusals.missingMd5;
  if (!request.headers.has("content-md5")) refuse(status, code, message);
}

/** Errors: `InvalidArgument` */
export function aclOf(call: StoreCall): StoreAcl | undefined {
  const acl = vendorHeader(call, "acl");
  if (acl === undefined || acl === "default") return undefined;
  if (acl === "private" || acl === "public-read" || acl === "public-read-write") return acl;
  refuse(400, "InvalidArgument", "The ACL you specified is not valid.", { ArgumentName: "acl", ArgumentValue: acl });
}
