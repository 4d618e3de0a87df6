// Alibaba Cloud's older signature of RPC calls, HMAC-SHA1 over all parameters: "Signature mechanism V2 (RPC)" of its documentation.
import { headerOf, type WireRequest } from "../http-server.ts";
import { incomplete, missing, type NonceMemory, unknownKey, usedNonce, wrongTime, wrongToken } from "./alibaba.ts";
import { hmac, isSame } from "./digests.ts";
import { canonicalQuery, onlyValue, type Parameters, parseParameters, percentEncode } from "./encoding.ts";
import { type Judge, refuse, type Verdict } from "./verdict.ts";

/** All parameters of such a call, of the query and of the form. */
export function rpcParameters(request: WireRequest): Parameters {
  const isForm = headerOf(request, "content-type")?.toLowerCase().startsWith("application/x-www-form-urlencoded");
  return [
    ...parseParameters(request.query),
    ...(isForm === true ? parseParameters(request.body.toString("latin1")) : []),
  ];
}

/** A request is accepted once: its nonce is remembered in `nonces`. A body that is no form is not covered, and refused. */
export function verifyRpcV1(request: WireRequest, judge: Judge, nonces: NonceMemory): Verdict {
  const parameters = rpcParameters(request);
  const value = (name: string) => onlyValue(parameters, name);
  const required = ["AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp"];
  const absent = required.find((name) => !value(name));
  if (absent !== undefined) return missing(absent);
  const [accessKeyId, signature, method, version, nonce, timestamp] = required.map(value) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (method !== "HMAC-SHA1" || version !== "1.0") return incomplete("its method or version is none of ours");
  if (request.path !== "/") return incomplete("its path is not /");
  if (request.body.length > 0 && rpcParameters({ ...request, query: "" }).length === 0) {
    return incomplete("its body is no form");
  }
  const late = wrongTime(timestamp, judge);
  if (late !== undefined) return late;
  const key = judge.keyOf(accessKeyId);
  if (key === undefined) return unknownKey();
  const signed = canonicalQuery(parameters.filter(([name]) => name !== "Signature"));
  const toSign = `${request.method}&%2F&${percentEncode(signed)}`;
  if (!isSame(signature, hmac("sha1", `${key.secret}&`, toSign).toString("base64"))) {
    return refuse(
      400,
      "SignatureDoesNotMatch",
      `Specified signature is not matched with our calculation. server string to sign is:${toSign}`,
    );
  }
  return (
    wrongToken(value("SecurityToken"), key, judge) ??
    usedNonce(accessKeyId, nonce, nonces, judge) ?? { ok: true, accessKeyId }
  );
}
