// Huawei Cloud, SDK-HMAC-SHA256: "AK/SK Signing and Authentication Guide", "Signing an API request".
import { headerOf, type WireRequest } from "../http-server.ts";
import { hexDigest, hmac, isSame } from "./digests.ts";
import { canonicalPath, canonicalQuery, parseParameters } from "./encoding.ts";
import {
  isExpired,
  isNear,
  type Judge,
  parseAuthorization,
  parseTime,
  type Refusal,
  refuse,
  type Verdict,
} from "./verdict.ts";

const scheme = "SDK-HMAC-SHA256";
const toleranceMs = 15 * 60_000;

/** Refused by the gateway, before any service: `{error_code, error_msg}`. */
export function verifySdkHmac(request: WireRequest, judge: Judge): Verdict {
  const authorization = headerOf(request, "authorization");
  if (authorization === undefined) return refusal("missing Authorization or X-Auth-Token");
  const parts = parseAuthorization(authorization, scheme);
  const { Access: accessKeyId, SignedHeaders: signedHeaders, Signature: signature } = parts ?? {};
  if (accessKeyId === undefined || signedHeaders === undefined || signature === undefined) {
    return refusal("Authorization format is incorrect");
  }
  const date = headerOf(request, "x-sdk-date") ?? "";
  const timeMs = parseTime(date);
  if (timeMs === undefined || date.includes("-"))
    return refusal("X-Sdk-Date is missing or not of the form YYYYMMDDTHHMMSSZ");
  if (!isNear(timeMs, toleranceMs, judge)) return refusal("the request's signature has expired");
  const key = judge.keyOf(accessKeyId);
  if (key === undefined) return refusal(`Get secretKey failed, ak: ${accessKeyId}, err: ak not exist`);
  const names = signedHeaders.split(";");
  if (!names.includes("host") || !names.includes("x-sdk-date")) {
    return refusal("the headers host and x-sdk-date must be signed");
  }
  const digest = headerOf(request, "x-sdk-content-sha256");
  const bodyDigest = hexDigest("sha256", request.body);
  if (digest !== undefined && digest !== bodyDigest) return refusal("X-Sdk-Content-Sha256 is not the body's");
  const canonical = [
    request.method,
    // Signed with a slash at its end, sent with or without.
    canonicalPath(request.path).replace(/\/?$/, "/"),
    canonicalQuery(parseParameters(request.query)),
    names.map((name) => `${name}:${(headerOf(request, name) ?? "").trim()}\n`).join(""),
    signedHeaders,
    bodyDigest,
  ].join("\n");
  const toSign = `${scheme}\n${date}\n${hexDigest("sha256", canonical)}`;
  if (!isSame(signature, hmac("sha256", key.secret, toSign).toString("hex"))) {
    return refusal("verify aksk signature fail");
  }
  if (!isSame(headerOf(request, "x-security-token") ?? "", key.sessionToken ?? "")) {
    return refusal("the securityToken is missing or not of this ak");
  }
  return isExpired(key, judge) ? refusal("the securityToken has expired") : { ok: true, accessKeyId };
}

function refusal(reason: string): Refusal {
  return refuse(401, "APIGW.0301", `Incorrect IAM authentication information: ${reason}`);
}
