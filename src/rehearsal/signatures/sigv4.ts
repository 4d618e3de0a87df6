// AWS Signature Version 4 for S3, which COS, OSS and OBS accept: "Authenticating Requests (AWS Signature Version 4)" in Amazon's S3 API Reference.
import { headerOf, type WireRequest } from "../http-server.ts";
import { hexDigest, hmac, isSame } from "./digests.ts";
import { canonicalPath, canonicalQuery, onlyValue, type Parameters, parseParameters } from "./encoding.ts";
import {
  isExpired,
  isNear,
  type Judge,
  parseAuthorization,
  parseTime,
  type Refusal,
  refuse,
  type SigningKey,
} from "./verdict.ts";

/** A request whose body is still to come. */
export type RequestHead = Omit<WireRequest, "body">;

export type SigV4Verdict =
  | {
      readonly ok: true;
      readonly accessKeyId: string;
      readonly isPresigned: boolean;
      /** SHA-256 that was signed for the body, hexadecimal; undefined: the body was left out. */
      readonly bodySha256: string | undefined;
    }
  | Refusal;

export interface SigV4Scope {
  readonly region?: string | undefined;
  readonly service?: string | undefined;
}

const scheme = "AWS4-HMAC-SHA256";
const toleranceMs = 15 * 60_000;
/** Seven days: the longest life of a presigned URL. */
const mostSeconds = 604_800;

interface Claim {
  readonly isPresigned: boolean;
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  /** As sent: `20261121T024752Z`. */
  readonly date: string;
  readonly token: string | undefined;
  /** What stands for the body in the canonical request. */
  readonly payload: string;
  readonly query: Parameters;
  /** Of presigned URLs. */
  readonly lifetimeSeconds: number | undefined;
}

/** Whether the request carries such a signature at all, right or wrong. */
export function claimsSigV4(request: RequestHead): boolean {
  return (
    headerOf(request, "authorization")?.startsWith(scheme) === true ||
    parseParameters(request.query).some(([name]) => name === "X-Amz-Algorithm")
  );
}

/**
 * A signature in the `Authorization` header or in the query, and the body that it covers. Bodies in signed chunks (`STREAMING-…`) are refused as
 * not implemented.
 *
 * @param scope.region undefined: any, as the three vendors have it
 */
export function verifySigV4(request: WireRequest, judge: Judge, scope: SigV4Scope = {}): SigV4Verdict {
  const verdict = verifySigV4Head(request, judge, scope);
  if (!verdict.ok || verdict.bodySha256 === undefined || verdict.bodySha256 === hexDigest("sha256", request.body)) {
    return verdict;
  }
  return refuse(
    400,
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  );
}

/** The same, but the body is still to be compared with the digest of the verdict. */
export function verifySigV4Head(
  request: RequestHead,
  judge: Judge,
  { region, service = "s3" }: SigV4Scope = {},
): SigV4Verdict {
  const claim = headerOf(request, "authorization") === undefined ? claimOfQuery(request) : claimOfHeader(request);
  if ("ok" in claim) return claim;
  const malformed = (what: string) =>
    claim.isPresigned
      ? refuse(400, "AuthorizationQueryParametersError", what)
      : refuse(400, "AuthorizationHeaderMalformed", `The authorization header is malformed; ${what}`);
  const scope = claim.credential.split("/");
  const [accessKeyId, day, ownRegion, ownService, last] = scope as [string, string, string, string, string];
  if (scope.length !== 5 || last !== "aws4_request" || ownService !== service) {
    return malformed("the Credential is mal-formed; expecting <YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request");
  }
  if (region !== undefined && ownRegion !== region) {
    return malformed(`the region '${ownRegion}' is wrong; expecting '${region}'`);
  }
  const timeMs = parseTime(claim.date);
  if (timeMs === undefined || !/^\d{8}T/.test(claim.date) || day !== claim.date.slice(0, 8)) {
    return malformed("Invalid credential date: it must be the same as the request's");
  }
  const late = timeliness(claim, timeMs, judge);
  if (late !== undefined) return late;
  const key = judge.keyOf(accessKeyId);
  if (key === undefined) {
    return refuse(403, "InvalidAccessKeyId", "The access key Id you provided does not exist in our records.");
  }
  const names = claim.signedHeaders.split(";");
  const unsigned = request.headers.map(([name]) => name.toLowerCase()).filter((name) => !names.includes(name));
  if (!names.includes("host") || unsigned.some((name) => name.startsWith("x-amz-"))) {
    return refuse(403, "AccessDenied", "There were headers present in the request which were not signed");
  }
  if (!isSame(claim.signature, signatureOf(request, claim, names, scope.slice(1), key.secret))) {
    return refuse(
      403,
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    );
  }
  const wrongToken = judgeToken(claim, key, judge);
  if (wrongToken !== undefined) return wrongToken;
  if (claim.payload === "UNSIGNED-PAYLOAD") {
    return { ok: true, accessKeyId, isPresigned: claim.isPresigned, bodySha256: undefined };
  }
  return /^[0-9a-f]{64}$/.test(claim.payload)
    ? { ok: true, accessKeyId, isPresigned: claim.isPresigned, bodySha256: claim.payload }
    : refuse(501, "NotImplemented", "A header you provided implies functionality that is not implemented.");
}

function claimOfHeader(request: RequestHead): Claim | Refusal {
  const parts = parseAuthorization(headerOf(request, "authorization"), scheme);
  const { Credential: credential, SignedHeaders: signedHeaders, Signature: signature } = parts ?? {};
  if (credential === undefined || signedHeaders === undefined || signature === undefined) {
    return refuse(400, "AuthorizationHeaderMalformed", "The authorization header that you provided is not valid.");
  }
  const date = headerOf(request, "x-amz-date");
  if (date === undefined) {
    return refuse(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header");
  }
  const payload = headerOf(request, "x-amz-content-sha256");
  if (payload === undefined) {
    return refuse(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
  }
  const token = headerOf(request, "x-amz-security-token");
  const query = parseParameters(request.query);
  return {
    isPresigned: false,
    credential,
    signedHeaders,
    signature,
    date,
    token,
    payload,
    query,
    lifetimeSeconds: undefined,
  };
}

function claimOfQuery(request: RequestHead): Claim | Refusal {
  const all = parseParameters(request.query);
  const [algorithm, credential, signedHeaders, signature, date, expires] = [
    "Algorithm",
    "Credential",
    "SignedHeaders",
    "Signature",
    "Date",
    "Expires",
  ].map((name) => onlyValue(all, `X-Amz-${name}`));
  if (algorithm === undefined) return refuse(403, "AccessDenied", "Access Denied");
  const lifetimeSeconds = /^\d{1,9}$/.test(expires ?? "") ? Number(expires) : -1;
  if (
    algorithm !== scheme ||
    credential === undefined ||
    signedHeaders === undefined ||
    signature === undefined ||
    date === undefined
  ) {
    return refuse(
      400,
      "AuthorizationQueryParametersError",
      "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    );
  }
  if (lifetimeSeconds < 1 || lifetimeSeconds > mostSeconds) {
    return refuse(
      400,
      "AuthorizationQueryParametersError",
      `X-Amz-Expires must be between 1 and ${mostSeconds} seconds`,
    );
  }
  return {
    isPresigned: true,
    credential,
    signedHeaders,
    signature,
    date,
    token: onlyValue(all, "X-Amz-Security-Token"),
    payload: headerOf(request, "x-amz-content-sha256") ?? "UNSIGNED-PAYLOAD",
    query: all.filter(([name]) => name !== "X-Amz-Signature"),
    lifetimeSeconds,
  };
}

function timeliness(claim: Claim, timeMs: number, judge: Judge): Refusal | undefined {
  if (claim.lifetimeSeconds === undefined) {
    return isNear(timeMs, toleranceMs, judge)
      ? undefined
      : refuse(
          403,
          "RequestTimeTooSkewed",
          "The difference between the request time and the server's time is too large.",
        );
  }
  const endMs = timeMs + claim.lifetimeSeconds * 1000;
  if (judge.times.some((now) => now <= endMs && now >= timeMs - toleranceMs)) return undefined;
  const isEarly = judge.times.every((now) => now < timeMs);
  return refuse(403, "AccessDenied", isEarly ? "Request is not yet valid" : "Request has expired");
}

function judgeToken({ token }: Claim, key: SigningKey, judge: Judge): Refusal | undefined {
  if (!isSame(token ?? "", key.sessionToken ?? "")) {
    return refuse(400, "InvalidToken", "The provided token is malformed or otherwise invalid.");
  }
  return isExpired(key, judge) ? refuse(400, "ExpiredToken", "The provided token has expired.") : undefined;
}

function signatureOf(
  request: RequestHead,
  claim: Claim,
  names: readonly string[],
  scope: readonly string[],
  secret: string,
): string {
  const headers = names.map((name) => `${name}:${(headerOf(request, name) ?? "").trim().replace(/ +/g, " ")}\n`);
  const canonical = [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(claim.query),
    headers.join(""),
    claim.signedHeaders,
    claim.payload,
  ].join("\n");
  const toSign = [scheme, claim.date, scope.join("/"), hexDigest("sha256", canonical)].join("\n");
  const key = scope.reduce<string | Buffer>((key, part) => hmac("sha256", key, part), `AWS4${secret}`);
  return hmac("sha256", key, toSign).toString("hex");
}
