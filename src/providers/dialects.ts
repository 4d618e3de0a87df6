import { domainOf } from "./huawei/domain.ts";

/**
 * How one vendor's object store differs from Amazon's. All of them refuse buckets in the path and the newer checksums of Amazon's SDK, so neither is ever used.
 */
export interface StoreDialect {
  readonly name: string;
  /** As its users know it. */
  readonly product: string;
  /** The host of its endpoint for S3's protocol. */
  readonly endpoint: (region: string) => string;
  /** Buckets are part of the host name. Only stores that know no better have them in the path. */
  readonly isPathStyle: boolean;
  /** By which code a bucket in the path is refused. */
  readonly pathStyleCode?: string | undefined;
  readonly bucketName: RegExp;
  /** The same in words. */
  readonly bucketRule: string;
  /** All parts but the last are at least so long; it is judged when the upload is completed. */
  readonly leastPartBytes: number;
  readonly mostPartBytes: number;
  readonly mostParts: number;
  /** It takes bodies whose SHA-256 the signature leaves out. Their MD5 is signed then, and checked by the store. */
  readonly hasUnsignedPayload: boolean;
  /** Sent when an object is made, so that none is ever replaced: then it answers 409. */
  readonly overwriteGuard?: { readonly header: string; readonly value: string } | undefined;
  /** Which signature its links carry. */
  readonly presigning: "sigv4" | "cos";
  /** What GetBucketLocation says, as a region. */
  readonly regionOf: (location: string) => string;
}

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

/** Limits that the three share: 10,000 parts of up to 5 GB, which make 48.8 TB. */
const common = {
  isPathStyle: false,
  leastPartBytes: 100 * kib,
  mostPartBytes: 5 * gib,
  mostParts: 10_000,
  presigning: "sigv4",
  regionOf: (location: string) => location,
} as const;

/** COS: API documents "PUT Object", "Initiate Multipart Upload", "Upload Part" (436/7749, 436/7746, 436/7750). */
const tencent: StoreDialect = {
  ...common,
  name: "tencent",
  product: "COS",
  endpoint: (region) => `cos.${region}.myqcloud.com`,
  pathStyleCode: "PathStyleDomainForbidden",
  bucketName: /^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-\d{6,12}$/,
  bucketRule: "lower-case letters, digits and hyphens, and the account's APPID at its end, as in images-1250000000",
  leastPartBytes: mib,
  hasUnsignedPayload: true,
  overwriteGuard: { header: "x-cos-forbid-overwrite", value: "true" },
  // The import follows links with COS's own signature; whether it follows Amazon's is nowhere said.
  presigning: "cos",
};

/** OSS: "Use Amazon S3 SDKs to access OSS", "PutObject", "CompleteMultipartUpload". */
const alibaba: StoreDialect = {
  ...common,
  name: "alibaba",
  product: "OSS",
  endpoint: (region) => `s3.oss-${region}.aliyuncs.com`,
  pathStyleCode: "SecondLevelDomainForbidden",
  bucketName: /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  bucketRule: "3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end",
  hasUnsignedPayload: true,
  overwriteGuard: { header: "x-oss-forbid-overwrite", value: "true" },
  regionOf: (location) => location.replace(/^oss-/, ""),
};

/** OBS: API reference, "Object Operations" and "Multipart Upload". */
const huawei: StoreDialect = {
  ...common,
  name: "huawei",
  product: "OBS",
  endpoint: (region) => `obs.${region}.${domainOf(region)}`,
  // Treacherous: HeadBucket works, and all else answers that there is no such object.
  pathStyleCode: "NoSuchKey",
  // A dot would be legal, but the certificate of the endpoint covers one label only.
  bucketName: /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  bucketRule: "3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end",
  // No source says that it takes them.
  hasUnsignedPayload: false,
};

export const storeDialects = { tencent, alibaba, huawei } as const;
