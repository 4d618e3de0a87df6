import type { Contents } from "./contents.ts";

export type StoreAcl = "private" | "public-read" | "public-read-write";

/** What a client says of an object when it makes it, and gets back when it asks. */
export interface ObjectFacts {
  readonly key: string;
  /** `content-type` and the like, and `x-amz-meta-…`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly acl: StoreAcl | undefined;
}

export type OverwriteGuard = "header" | "condition" | undefined;

export interface StoredFile extends ObjectFacts {
  readonly contents: Contents;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
}

export interface UploadedPart {
  readonly number: number;
  readonly contents: Contents;
  readonly md5: Buffer;
  readonly etag: string;
  readonly modifiedMs: number;
}

export interface OpenUpload extends ObjectFacts {
  readonly id: string;
  readonly startedMs: number;
  readonly parts: Map<number, UploadedPart>;
  /** What it was begun with. */
  readonly guard: OverwriteGuard;
}

export interface BucketSettings {
  readonly name: string;
  readonly region: string;
  /** As S3 names them: `STANDARD`, `STANDARD_IA`, `ARCHIVE`, … */
  readonly storageClass: string;
  readonly acl: StoreAcl;
  readonly account: string;
  /** What it keeps is encrypted by this: then ETags are no MD5 sums. */
  readonly encryption?: string | undefined;
}

export interface Bucket extends BucketSettings {
  readonly createdMs: number;
  readonly objects: Map<string, StoredFile>;
  /** By their ids. */
  readonly uploads: Map<string, OpenUpload>;
  /** Accepted and kept; nothing expires by it. */
  lifecycle: string | undefined;
}

export function makeBucket(settings: BucketSettings, createdMs: number): Bucket {
  return { ...settings, createdMs, objects: new Map(), uploads: new Map(), lifecycle: undefined };
}
