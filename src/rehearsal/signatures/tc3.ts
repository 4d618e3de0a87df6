// Tencent Cloud API 3.0, TC3-HMAC-SHA256: "Signature v3" (document 213/30654).
import { headerOf, type WireRequest } from "../http-server.ts";
import { hexDigest, hmac, isSame } from "./digests.ts";
import { isExpired, isNear, type Judge, parseAuthorization, type Refusal, refuse, type Verdict } from "./verdict.ts";

const scheme = "TC3-HMAC-SHA256";
const toleranceMs = 5 * 60_000;

/** Only `content-type` and `host` are covered by what the SDKs sign: action and version may be changed unnoticed, as at the vendor's. */
export function verifyTc3(request: WireRequest, judge: Judge): Verdict {
  const parts = parseAuthorization(headerOf(request, "authorization"), scheme);
  const { Credential: credential, SignedHeaders: signedHeaders, Signature: signature } = parts ?? {};
  if (credential === undefined || signedHeaders === undefined || signature === undefined) {
    return refusal("InvalidAuthorization", "Authorization of the request header is not valid.");
  }
  const [accessKeyId, day, service, last, ...rest] = credential.split("/") as [string, ...string[]];
  const names = signedHeaders.split(";");
  if (
    // The Node SDK takes the first label of the endpoint for the service, whatever that is.
    !service ||
    last !== "tc3_request" ||
    rest.length > 0 ||
    !["content-type", "host"].every((name) => names.includes(name))
  ) {
    return refusal("InvalidAuthorization", "Authorization of the request header is not valid.");
  }
  const timestamp = headerOf(request, "x-tc-timestamp");
  if (timestamp === undefined || !/^\d{1,11}$/.test(timestamp)) {
    return refuse(200, "MissingParameter", "The request is missing the `X-TC-Timestamp` header.");
  }
  const timeMs = Number(timestamp) * 1000;
  if (!isNear(timeMs, toleranceMs, judge)) {
    return refusal("SignatureExpire", "Signature expired. Timestamp cannot be earlier or later than five minutes.");
  }
  const key = judge.keyOf(accessKeyId);
  if (key === undefined) {
    return refusal("SecretIdNotFound", "The SecretId is not found, please ensure that your SecretId is correct.");
  }
  const isRight =
    new Date(timeMs).toISOString().slice(0, 10) === day &&
    hosts(request.host).some((host) => {
      const headers = names.map((name) => canonicalHeader(request, name, host));
      const canonical = [
        request.method,
        request.path,
        request.query,
        headers.join(""),
        signedHeaders,
        payloadDigest(request),
      ].join("\n");
      const scope = `${day}/${service}/tc3_request`;
      const toSign = [scheme, timestamp, scope, hexDigest("sha256", canonical)].join("\n");
      const signingKey = [day, service, last].reduce<string | Buffer>(
        (secret, part) => hmac("sha256", secret, part),
        `TC3${key.secret}`,
      );
      return isSame(signature, hmac("sha256", signingKey, toSign).toString("hex"));
    });
  if (!isRight) {
    return refusal(
      "SignatureFailure",
      "The provided credentials could not be validated. Please check your signature is correct.",
    );
  }
  if (!isSame(headerOf(request, "x-tc-token") ?? "", key.sessionToken ?? "") || isExpired(key, judge)) {
    return refusal("TokenFailure", "The token is not valid or has expired.");
  }
  return { ok: true, accessKeyId };
}

/** Errors come with HTTP 200. */
function refusal(code: string, message: string): Refusal {
  return refuse(200, `AuthFailure.${code}`, message);
}

/** The Node SDK signs the host's name without the port that it sends. */
function hosts(host: string): string[] {
  return [...new Set([host, host.replace(/:\d+$/, "")])];
}

/** Names and values in lower case. */
function canonicalHeader(request: WireRequest, name: string, host: string): string {
  const value = name === "host" ? host : (headerOf(request, name) ?? "");
  return `${name}:${value.trim().toLowerCase()}\n`;
}

function payloadDigest(request: WireRequest): string {
  const isUnsigned = headerOf(request, "x-tc-content-sha256") === "UNSIGNED-PAYLOAD";
  return hexDigest("sha256", isUnsigned ? "UNSIGNED-PAYLOAD" : request.body);
}
