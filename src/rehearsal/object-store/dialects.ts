import type { StoreDialect } from "./dialect.ts";

const kib = 1024;
const mib = 1024 * kib;

const noSuchKey = { status: 404, code: "NoSuchKey", message: "The specified key does not exist." } as const;
const chunkedNotImplemented = {
  status: 501,
  code: "NotImplemented",
  message: "Aws MultiChunkedEncoding is not supported.",
} as const;

/** Tencent's. Its buckets made since 2024 know virtual hosts only (document 436/102489). Where no document says what it answers, it answers what Amazon's does. */
const cos: StoreDialect = {
  name: "cos",
  headerPrefix: "x-cos-",
  endpoints: ["cos.<region>.myqcloud.com"],
  bucketName: /^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-\d{6,12}$/,
  bucketNamesOwner: true,
  leastPartBytes: mib,
  signsRegion: true,
  upperCaseEtags: false,
  ifNoneMatchOnPut: true,
  forbidOverwriteHeader: "x-cos-forbid-overwrite",
  signedUrlsWorkOnce: true,
  lifecycleNeedsMd5: true,
  location: (region) => region,
  bucketHeaders: ({ region }) => ({ "x-cos-bucket-region": region }),
  refusals: {
    pathStyle: () => ({
      status: 403,
      code: "PathStyleDomainForbidden",
      message: "The bucket you are attempting to access must be addressed using COS virtual-styled domain.",
    }),
    chunked: () => chunkedNotImplemented,
    // The region is part of the bucket's domain: elsewhere it does not exist.
    wrongRegion: () => ({ status: 404, code: "NoSuchBucket", message: "The specified bucket does not exist." }),
    missingMd5: {
      status: 400,
      code: "InvalidRequest",
      message: "Missing required header for this request: Content-MD5",
    },
    unknownKey: "The Access Key Id you provided does not exist in our records",
  },
};

/** Alibaba's, at its endpoints for S3's protocol and at its own. */
const oss: StoreDialect = {
  name: "oss",
  headerPrefix: "x-oss-",
  endpoints: [
    "s3.oss-<region>.aliyuncs.com",
    "s3.oss-<region>-internal.aliyuncs.com",
    "oss-<region>.aliyuncs.com",
    "oss-<region>-internal.aliyuncs.com",
  ],
  bucketName: /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  bucketNamesOwner: false,
  leastPartBytes: 100 * kib,
  signsRegion: false,
  upperCaseEtags: true,
  ifNoneMatchOnPut: false,
  forbidOverwriteHeader: "x-oss-forbid-overwrite",
  signedUrlsWorkOnce: false,
  lifecycleNeedsMd5: false,
  location: (region) => `oss-${region}`,
  bucketHeaders: () => ({}),
  refusals: {
    pathStyle: () => ({
      status: 403,
      code: "SecondLevelDomainForbidden",
      message: "Please use virtual hosted style to access.",
    }),
    chunked: (payload) =>
      // The one value that the vendor takes; this store does not.
      payload === "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        ? chunkedNotImplemented
        : {
            status: 400,
            code: "InvalidArgument",
            message: "aws-chunked encoding is not supported with the specified x-amz-content-sha256 value.",
            details: { EC: "0017-00000804" },
          },
    wrongRegion: (endpoint) => ({
      status: 403,
      code: "AccessDenied",
      message:
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
      details: { Endpoint: endpoint },
    }),
    missingMd5: { status: 400, code: "MissingArgument", message: "Missing Some Required Arguments." },
    unknownKey: "The OSS Access Key Id you provided does not exist in our records.",
  },
};

/** Huawei's (API reference, obs_04_0115: error codes). */
const obs: StoreDialect = {
  name: "obs",
  headerPrefix: "x-obs-",
  endpoints: ["obs.<region>.myhuaweicloud.com"],
  bucketName: /^[a-z0-9](?!.*(?:\.\.|\.-|-\.))[a-z0-9.-]{1,61}[a-z0-9]$/,
  bucketNamesOwner: false,
  leastPartBytes: 100 * kib,
  signsRegion: true,
  upperCaseEtags: false,
  ifNoneMatchOnPut: false,
  signedUrlsWorkOnce: false,
  lifecycleNeedsMd5: true,
  location: (region) => region,
  bucketHeaders: ({ region, storageClass }) => ({
    "x-obs-bucket-location": region,
    "x-obs-storage-class": storageClass,
  }),
  refusals: {
    // Treacherous: a bucket that is looked for in the path is found, and everything else then fails as if the object were missing.
    pathStyle: (method, isBucket) => (method === "HEAD" && isBucket ? undefined : noSuchKey),
    chunked: () => ({
      status: 400,
      code: "XAmzContentSHA256Mismatch",
      message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    }),
    wrongRegion: (endpoint) => ({
      status: 301,
      code: "PermanentRedirect",
      message: "The requested bucket must be accessed using the specified address.",
      details: { Endpoint: endpoint },
    }),
    missingMd5: {
      status: 400,
      code: "InvalidRequest",
      message: "Missing required header for this request: Content-MD5",
    },
    unknownKey: "The AWS access key Id you provided does not exist in our records.",
  },
};

export const storeDialects = { cos, oss, obs } as const satisfies Record<string, StoreDialect>;
