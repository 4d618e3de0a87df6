import { fail } from "../core/errors.ts";
import type { Connection } from "./connection.ts";
import type { Credentials } from "./credentials.ts";
import type { StoreDialect } from "./dialects.ts";
import type { ObjectStore } from "./object-store.ts";
import { bucketFacts, tellingError } from "./s3-bucket.ts";
import { openClient, type StoreClient } from "./s3-client.ts";
import { explainFault } from "./s3-faults.ts";
import { type Patience, usualPatience } from "./s3-patience.ts";
import { presignCos, presignSigV4 } from "./s3-presign.ts";
import { removeObject, removeUploads } from "./s3-remove.ts";
import { uploadFile } from "./s3-upload.ts";
import { headObject } from "./upload-calls.ts";

export interface StoreOptions {
  /** Default: that of the credentials. */
  readonly region?: string | undefined;
  /** Parts that are on their way at once. Memory: that many parts. */
  readonly workers?: number | undefined;
  readonly partSizeBytes?: number | undefined;
  /** Default: as the dialect prefers. */
  readonly presigning?: StoreDialect["presigning"] | undefined;
  readonly patience?: Patience | undefined;
  readonly idleTimeoutMs?: number | undefined;
}

/**
 * An object store that speaks S3: what the three have in common, done once; how they differ is in the dialect. Nothing is loaded or sent before the first
 * call, and no connection outlives a call.
 *
 * Errors: `cloud/refused` at once when there is no region; of the calls, `cloud/store-…`, `cloud/denied`, `cloud/credentials`, `cloud/clock`, `cloud/not-found`,
 * `cloud/name-taken`, `cloud/quota`, `cloud/unreachable`, `cloud/refused`.
 */
export function s3Store(
  dialect: StoreDialect,
  credentials: Credentials,
  connection: Connection,
  options: StoreOptions = {},
): ObjectStore {
  const region = options.region ?? credentials.region;
  if (region === undefined || !/^[a-z0-9-]+$/.test(region))
    fail(
      "cloud/refused",
      `cannot use ${dialect.product}: ${region === undefined ? "no region is named" : `${region} is no region`}`,
      {
        hint: "name the region of the bucket, as the cloud's console writes it",
      },
    );

  /** Runs the work with a client, and explains what it throws. */
  const using = async <T>(
    bucket: string,
    what: string,
    signal: AbortSignal,
    work: (client: StoreClient) => Promise<T>,
  ): Promise<T> => {
    checkBucketName(dialect, bucket);
    const client = await openClient({
      dialect,
      credentials,
      region,
      connection,
      patience: options.patience ?? usualPatience,
      idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    });
    try {
      return await work(client);
    } catch (error) {
      signal.throwIfAborted();
      throw explainFault(await tellingError(client, bucket, error, signal), what, dialect.product);
    } finally {
      client.close();
    }
  };

  return {
    name: dialect.name,
    checkBucket: (bucket, { signal }) =>
      using(bucket, `use the bucket ${bucket}`, signal, (client) => bucketFacts(client, bucket, signal)),
    upload: (request, context) => {
      const { path, bucket, key } = request;
      const settings = { workers: options.workers ?? 4, partSizeBytes: options.partSizeBytes };
      return using(bucket, `upload ${path} to ${bucket}/${key}`, context.signal, (client) =>
        uploadFile(request, client, settings, context),
      );
    },
    async signedUrl({ bucket, key }, lifetimeSeconds, method) {
      checkBucketName(dialect, bucket);
      const endpoint = dialect.endpoint(region);
      const sign = (options.presigning ?? dialect.presigning) === "cos" ? presignCos : presignSigV4;
      return sign({
        method,
        host: dialect.isPathStyle ? endpoint : `${bucket}.${endpoint}`,
        path: dialect.isPathStyle ? `/${bucket}/${key}` : `/${key}`,
        region,
        credentials,
        nowMs: connection.now(),
        lifetimeSeconds,
      });
    },
    find: (bucket, key, { signal }) =>
      using(bucket, `look for ${bucket}/${key}`, signal, (client) => headObject({ client, bucket, key, signal })),
    remove: (bucket, key, { signal }, what = "all") =>
      using(bucket, `remove ${bucket}/${key}`, signal, async (client) => {
        const target = { client, bucket, key, signal };
        if (what === "all") await removeObject(target);
        await removeUploads(target);
      }),
  };
}

function checkBucketName({ bucketName, bucketRule, product }: StoreDialect, bucket: string): void {
  if (bucketName.test(bucket)) return;
  fail("cloud/refused", `cannot use the bucket ${bucket}: names of ${product}'s buckets are ${bucketRule}`);
}
