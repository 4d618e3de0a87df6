import type { Context } from "../core/context.ts";

export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
  readonly sizeBytes: number;
  /** Of the content, as the uploader has recorded it. */
  readonly sha256: string;
}

export type LinkMethod = "GET" | "PUT";

export interface UploadRequest {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly bucket: string;
  /** Has the content's hash in it, so that nothing is uploaded twice. */
  readonly key: string;
  /** Where the state of an unfinished upload is kept. */
  readonly statePath: string;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** Seam: where image files wait to be imported. One implementation over S3's protocol, and a record for each vendor of how its dialect differs. */
export interface ObjectStore {
  readonly name: string;
  /** Errors: `cloud/not-found`, `cloud/store-region`, `cloud/denied`. */
  checkBucket(bucket: string, context: Context): Promise<BucketFacts>;
  /** Goes on where an earlier one was cut off; does nothing if the object is there. */
  upload(request: UploadRequest, context: Context): Promise<StoredObject & { readonly existed: boolean }>;
  /**
   * A link that the cloud itself, or a guest, may follow; it is never tried out, for some work once only. With `PUT` (default: `GET`) the object is made, or replaced, by whatever is
   * sent. The scheme is not signed: over plain http it is the same link.
   */
  signedUrl(
    object: Pick<StoredObject, "bucket" | "key">,
    lifetimeSeconds: number,
    method?: LinkMethod,
  ): Promise<string>;
  /** Undefined: there is none. The digest is that of its uploader, if it was one of ours. */
  find(bucket: string, key: string, context: Context): Promise<ObjectFacts | undefined>;
  /** The object, and what an unfinished upload has left; or only that. */
  remove(bucket: string, key: string, context: Context, what?: "all" | "uploads"): Promise<void>;
}

export interface ObjectFacts {
  readonly sizeBytes: number;
  readonly sha256: string | undefined;
}

export interface BucketFacts {
  readonly region?: string | undefined;
  readonly storageClass?: string | undefined;
}
