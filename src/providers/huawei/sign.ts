import { createHash, createHmac } from "node:crypto";
import type { Credentials } from "../credentials.ts";

/** A request as it is sent. Parts of the path and of the query are plain: `encodePath` and `encodeQuery` make them what goes over the wire. */
export interface SignableRequest {
  readonly method: string;
  /** As the Host header says it, with the port if that has one. */
  readonly host: string;
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** All that are to be signed, but `host` and `x-sdk-date`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const signingAlgorithm = "SDK-HMAC-SHA256";

/**
 * The headers that make a request ours, by Huawei Cloud's "API Request Signing Guide", sections "Creating a Standard Request" to "Adding the
 * Signature": `SDK-HMAC-SHA256`, without a derived key. Whatever headers are sent should be signed, but those that a proxy may change.
 */
export function signHeaders(
  request: SignableRequest,
  credentials: Pick<Credentials, "accessKeyId" | "secretAccessKey" | "sessionToken">,
  nowMs: number,
): Record<string, string> {
  const date = sdkDate(nowMs);
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const headers: Record<string, string> = {
    ...request.headers,
    ...(sessionToken === undefined ? {} : { "x-security-token": sessionToken }),
    "x-sdk-date": date,
  };
  const signed = Object.entries({ ...headers, host: request.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  const names = signed.map(([name]) => name).join(";");
  const path = encodePath(request.path);
  const canonical = [
    request.method,
    // The path ends in a slash here, whatever it does on the wire.
    path.endsWith("/") ? path : `${path}/`,
    encodeQuery(request.query),
    ...signed.map(([name, value]) => `${name}:${value}`),
    "",
    names,
    sha256Hex(request.body),
  ].join("\n");
  const toSign = [signingAlgorithm, date, sha256Hex(canonical)].join("\n");
  const signature = createHmac("sha256", secretAccessKey).update(toSign).digest("hex");
  return {
    ...headers,
    authorization: `${signingAlgorithm} Access=${accessKeyId}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/** `20191115T033655Z` */
export function sdkDate(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d+/g, "");
}

export function encodePath(path: string): string {
  return path.split("/").map(encode).join("/");
}

/** Sorted by name, then by value, as the signature wants it; the same goes over the wire. */
export function encodeQuery(query: SignableRequest["query"]): string {
  return query
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([name, value], [otherName, otherValue]) => compare(name, otherName) || compare(value, otherValue))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** RFC 3986: `encodeURIComponent` leaves `!'()*` as they are. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
