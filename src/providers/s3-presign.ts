import { createHash, createHmac } from "node:crypto";
import type { Credentials } from "./credentials.ts";
import type { LinkMethod } from "./object-store.ts";

export interface LinkRequest {
  /** Default: GET. */
  readonly method?: LinkMethod | undefined;
  /** Of the bucket. */
  readonly host: string;
  /** Starts with a slash; not yet encoded. */
  readonly path: string;
  readonly region: string;
  readonly credentials: Pick<Credentials, "accessKeyId" | "secretAccessKey" | "sessionToken">;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly lifetimeSeconds: number;
}

/** "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)": seven days. */
const longestSigV4Seconds = 7 * 24 * 3600;

/** A link to get or put an object, with Amazon's signature. */
export function presignSigV4(request: LinkRequest): string {
  const { method = "GET", host, path, region, credentials, nowMs, lifetimeSeconds } = request;
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "");
  const date = time.slice(0, 8);
  const scope = `${date}/${region}/s3/aws4_request`;
  const parameters: [string, string][] = [
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${credentials.accessKeyId}/${scope}`],
    ["X-Amz-Date", time],
    ["X-Amz-Expires", String(Math.min(lifetimeSeconds, longestSigV4Seconds))],
    ...(credentials.sessionToken === undefined
      ? []
      : [["X-Amz-Security-Token", credentials.sessionToken] as [string, string]]),
    ["X-Amz-SignedHeaders", "host"],
  ];
  const query = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  const canonical = [method, encodePath(path), query, `host:${host}\n`, "host", "UNSIGNED-PAYLOAD"].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, hash("sha256", canonical)].join("\n");
  const key = [date, region, "s3", "aws4_request"].reduce<Buffer>(
    (secret, word) => createHmac("sha256", secret).update(word).digest(),
    Buffer.from(`AWS4${credentials.secretAccessKey}`),
  );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  return `https://${host}${encodePath(path)}?${query}&X-Amz-Signature=${signature}`;
}

/** A link to get or put an object, with COS's own signature: document "Request Signature" (436/7778). */
export function presignCos(request: LinkRequest): string {
  const { method = "GET", host, path, credentials, nowMs, lifetimeSeconds } = request;
  const start = Math.floor(nowMs / 1000);
  const time = `${start};${start + lifetimeSeconds}`;
  const signKey = createHmac("sha1", credentials.secretAccessKey).update(time).digest("hex");
  // The path is not encoded here, and the token is no signed parameter.
  const canonical = `${method.toLowerCase()}\n${path}\n\nhost=${encode(host)}\n`;
  const toSign = `sha1\n${time}\n${hash("sha1", canonical)}\n`;
  const query = [
    ["q-sign-algorithm", "sha1"],
    ["q-ak", credentials.accessKeyId],
    ["q-sign-time", time],
    ["q-key-time", time],
    ["q-header-list", "host"],
    ["q-url-param-list", ""],
    ["q-signature", createHmac("sha1", signKey).update(toSign).digest("hex")],
    ...(credentials.sessionToken === undefined ? [] : [["x-cos-security-token", credentials.sessionToken]]),
  ]
    // The vendor's own SDKs leave the semicolons of the times as they are.
    .map(([name, value]) => `${name}=${encode(value ?? "").replaceAll("%3B", ";")}`)
    .join("&");
  return `https://${host}${encodePath(path)}?${query}`;
}

function encodePath(path: string): string {
  return path.split("/").map(encode).join("/");
}

/** RFC 3986, as both signatures want it: `encodeURIComponent` leaves five characters that it reserves. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hash(algorithm: string, text: string): string {
  return createHash(algorithm).update(text).digest("hex");
}
