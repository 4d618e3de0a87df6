// Tencent COS's own signature, `q-sign-algorithm=sha1`: "Request signature" (document 436/7778).
import { headerOf } from "../http-server.ts";
import { hexDigest, hmac, isSame } from "./digests.ts";
import { onlyValue, type Parameters, parseParameters, percentDecode, percentEncode } from "./encoding.ts";
import type { RequestHead } from "./sigv4.ts";
import { isExpired, type Judge, type Refusal, refuse, type Verdict } from "./verdict.ts";

/** Whether the request is signed so, right or wrong. */
export function claimsCos(request: RequestHead): boolean {
  return claimOf(request).some(([name]) => name === "q-sign-algorithm");
}

/** In the `Authorization` header or in the query. The body is never covered. */
export function verifyCos(request: RequestHead, judge: Judge): Verdict {
  const claim = claimOf(request);
  const [algorithm, accessKeyId, signTime, keyTime, headerList, parameterList, signature] = [
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
  ].map((name) => onlyValue(claim, name));
  if (
    algorithm !== "sha1" ||
    !accessKeyId ||
    signTime === undefined ||
    keyTime === undefined ||
    headerList === undefined ||
    parameterList === undefined ||
    signature === undefined
  ) {
    return denied("Access Denied.");
  }
  // The lists themselves are not signed: in capitals they would name the same.
  if (/[A-Z]/.test(headerList + parameterList)) return denied("Access Denied.");
  const spans = [signTime, keyTime].map((span) => /^(\d{1,11});(\d{1,11})$/.exec(span));
  if (spans.some((span) => span === null)) return denied("Access Denied.");
  const isWithin = (now: number) =>
    spans.every((span) => now >= Number(span?.[1]) * 1000 && now < Number(span?.[2]) * 1000);
  if (!judge.times.some(isWithin)) return denied("Request has expired");
  const key = judge.keyOf(accessKeyId);
  if (key === undefined) {
    return refuse(403, "InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.");
  }
  const parameters = parseParameters(request.query);
  const text = [
    request.method.toLowerCase(),
    percentDecode(request.path),
    listed(parameterList, (name) => parameterOf(parameters, name)),
    listed(headerList, (name) => headerOf(request, name)),
    "",
  ].join("\n");
  const toSign = ["sha1", signTime, hexDigest("sha1", text), ""].join("\n");
  const signingKey = hmac("sha1", key.secret, keyTime).toString("hex");
  if (!isSame(signature, hmac("sha1", signingKey, toSign).toString("hex"))) {
    return refuse(
      403,
      "SignatureDoesNotMatch",
      "The Signature you specified is invalid. Please check your AccessKey and signature.",
    );
  }
  const token = onlyValue(parameters, "x-cos-security-token") ?? headerOf(request, "x-cos-security-token");
  if (!isSame(token ?? "", key.sessionToken ?? "")) return denied("The security token is missing or not of this key.");
  return isExpired(key, judge) ? denied("The security token has expired.") : { ok: true, accessKeyId };
}

function claimOf(request: RequestHead): Parameters {
  const authorization = headerOf(request, "authorization");
  // The header's form is a query's, but that nothing in it is escaped.
  return authorization === undefined
    ? parseParameters(request.query)
    : authorization.split("&").map((part) => {
        const at = part.indexOf("=");
        return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
      });
}

function listed(names: string, value: (name: string) => string | undefined): string {
  return names
    .split(";")
    .filter((name) => name !== "")
    .map((name) => `${percentEncode(name).toLowerCase()}=${percentEncode(value(name) ?? "")}`)
    .join("&");
}

function parameterOf(parameters: Parameters, name: string): string | undefined {
  return parameters.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
}

function denied(message: string): Refusal {
  return refuse(403, "AccessDenied", message);
}
