import { fail } from "../core/errors.ts";
import type { BucketFacts } from "./object-store.ts";
import { type StoreClient, seeingHeaders } from "./s3-client.ts";
import { faultOf } from "./s3-faults.ts";

/** Errors: `cloud/not-found`, `cloud/store-region`, `cloud/denied`; the SDK's. */
export async function bucketFacts(client: StoreClient, bucket: string, signal: AbortSignal): Promise<BucketFacts> {
  const { sdk, dialect } = client;
  let seen: Readonly<Record<string, string>> = {};
  let denial: { readonly error: unknown } | undefined;
  try {
    await client.call(signal, (s3, options) => {
      const command = new sdk.HeadBucketCommand({ Bucket: bucket });
      return s3.send(
        seeingHeaders(command, (headers) => {
          seen = headers;
        }),
        options,
      );
    });
  } catch (error) {
    signal.throwIfAborted();
    const { status } = faultOf(error);
    if (status === undefined || status >= 500) throw error;
    denial = { error };
  }
  const header = (name: RegExp) => Object.entries(seen).find(([each]) => name.test(each))?.[1];
  // The answer to HEAD has no body that says why; and not all stores name the region in it.
  const region = header(/-bucket-(region|location)$/i) ?? (await locationOf(client, bucket, signal, denial));
  if (region !== undefined && dialect.regionOf(region) !== client.region)
    fail(
      "cloud/store-region",
      `cannot use the bucket ${bucket}: it is in ${dialect.regionOf(region)}, not in ${client.region}`,
      {
        hint: "name the region of the bucket, or a bucket of that region",
      },
    );
  if (denial !== undefined) throw denial.error;
  return {
    region: region === undefined ? undefined : dialect.regionOf(region),
    storageClass: header(/-storage-class$/i),
  };
}

/** To ask for it is a permission of its own, so a refusal counts only when there was one already. */
async function locationOf(
  client: StoreClient,
  bucket: string,
  signal: AbortSignal,
  denial: { readonly error: unknown } | undefined,
): Promise<string | undefined> {
  try {
    const answer = await client.call(signal, (s3, options) =>
      s3.send(new client.sdk.GetBucketLocationCommand({ Bucket: bucket }), options),
    );
    return answer.LocationConstraint === undefined || String(answer.LocationConstraint) === ""
      ? undefined
      : String(answer.LocationConstraint);
  } catch (error) {
    signal.throwIfAborted();
    if (denial !== undefined && faultOf(error).code !== undefined) throw error;
    return undefined;
  }
}

/**
 * Answers to HEAD say no more than 403: the same refusal of a GET has a code and words. Gives the error that tells more.
 */
export async function tellingError(
  client: StoreClient,
  bucket: string,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const { status, code } = faultOf(error);
  if (status === undefined || status < 300 || status >= 500 || code !== undefined) return error;
  try {
    await locationOf(client, bucket, signal, { error });
    return error;
  } catch (told) {
    return told;
  }
}
