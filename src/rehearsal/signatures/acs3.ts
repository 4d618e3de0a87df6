// Alibaba Cloud, ACS3-HMAC-SHA256: "V3 request body & signature" of its OpenAPI documentation.
import { headerOf, type WireRequest } from "../http-server.ts";
import { incomplete, missing, type NonceMemory, unknownKey, usedNonce, wrongTime, wrongToken } from "./alibaba.ts";
import { hexDigest, hmac, isSame } from "./digests.ts";
import { canonicalPath, canonicalQuery, parseParameters } from "./encoding.ts";
import { type Judge, parseAuthorization, refuse, type Verdict } from "./verdict.ts";

const scheme = "ACS3-HMAC-SHA256";

/** Whether the request is signed so, right or wrong. */
export function claimsAcs3(request: Pick<WireRequest, "headers">): boolean {
  return headerOf(request, "authorization")?.startsWith("ACS3-") === true;
}

/** A request is accepted once: its nonce is remembered in `nonces`. */
export function verifyAcs3(request: WireRequest, judge: Judge, nonces: NonceMemory): Verdict {
  const parts = parseAuthorization(headerOf(request, "authorization"), scheme);
  const { Credential: accessKeyId, SignedHeaders: signedHeaders, Signature: signature } = parts ?? {};
  if (accessKeyId === undefined || signedHeaders === undefined || signature === undefined) {
    return incomplete("its Authorization has no Credential, SignedHeaders or Signature");
  }
  const [date, nonce, digest] = ["x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"].map((name) =>
    headerOf(request, name),
  );
  if (date === undefined) return missing("x-acs-date");
  if (!nonce) return missing("x-acs-signature-nonce");
  if (digest === undefined) return missing("x-acs-content-sha256");
  const late = wrongTime(date, judge);
  if (late !== undefined) return late;
  const key = judge.keyOf(accessKeyId);
  if (key === undefined) return unknownKey();
  const names = signedHeaders.split(";");
  const mustBeSigned = request.headers
    .map(([name]) => name.toLowerCase())
    .filter((name) => name === "host" || name === "content-type" || name.startsWith("x-acs-"));
  const forgotten = mustBeSigned.find((name) => !names.includes(name));
  if (forgotten !== undefined) return incomplete(`the header ${forgotten} is not signed`);
  const canonical = [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(parseParameters(request.query)),
    names.map((name) => `${name}:${(headerOf(request, name) ?? "").trim()}\n`).join(""),
    signedHeaders,
    digest,
  ].join("\n");
  const toSign = `${scheme}\n${hexDigest("sha256", canonical)}`;
  if (
    !isSame(signature, hmac("sha256", key.secret, toSign).toString("hex")) ||
    !isSame(digest, hexDigest("sha256", request.body))
  ) {
    return refuse(
      400,
      "SignatureDoesNotMatch",
      `Specified signature does not match our calculation. server CanonicalRequest is:${JSON.stringify(canonical)}`,
    );
  }
  return (
    wrongToken(headerOf(request, "x-acs-security-token"), key, judge) ??
    usedNonce(accessKeyId, nonce, nonces, judge) ?? { ok: true, accessKeyId }
  );
}
