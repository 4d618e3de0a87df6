import { isExpired, isNear, type Judge, parseTime, type Refusal, refuse, type SigningKey } from "./verdict.ts";

// What both of Alibaba Cloud's signatures have in common: "Common parameters", "Common error codes" of the API reference.

/** Nonces that were used, by key; those whose time is over are forgotten. */
export interface NonceMemory {
  /** Whether it is new; if so it is kept. */
  use(accessKeyId: string, nonce: string, nowMs: number): boolean;
}

const toleranceMs = 15 * 60_000;

export function makeNonceMemory(): NonceMemory {
  const used = new Map<string, number>();
  let sweepsAtMs = 0;
  return {
    use(accessKeyId, nonce, nowMs) {
      if (nowMs >= sweepsAtMs) {
        for (const [name, untilMs] of used) if (untilMs < nowMs) used.delete(name);
        sweepsAtMs = nowMs + toleranceMs;
      }
      const name = `${accessKeyId} ${nonce}`;
      if ((used.get(name) ?? -1) >= nowMs) return false;
      // As long as a request of that nonce could be in time, be the client's clock ahead or behind.
      used.set(name, nowMs + 2 * toleranceMs);
      return true;
    },
  };
}

export function unknownKey(): Refusal {
  return refuse(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
}

export function incomplete(what: string): Refusal {
  return refuse(400, "IncompleteSignature", `The request signature does not conform to Aliyun standards: ${what}.`);
}

export function missing(name: string): Refusal {
  return refuse(
    400,
    "MissingParameter",
    `The input parameter "${name}" that is mandatory for processing this request is not supplied.`,
  );
}

export function wrongTime(text: string, judge: Judge): Refusal | undefined {
  const timeMs = parseTime(text);
  if (timeMs === undefined || !text.includes("-")) {
    return refuse(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.");
  }
  return isNear(timeMs, toleranceMs, judge)
    ? undefined
    : refuse(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.");
}

export function wrongToken(token: string | undefined, key: SigningKey, judge: Judge): Refusal | undefined {
  if (token === key.sessionToken) {
    return isExpired(key, judge)
      ? refuse(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
      : undefined;
  }
  return token === undefined
    ? refuse(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
    : refuse(400, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.");
}

/** Last of all, so that what was refused has used nothing up. Kept by the slowest clock, for by that one a replay is in time the longest. */
export function usedNonce(accessKeyId: string, nonce: string, nonces: NonceMemory, judge: Judge): Refusal | undefined {
  return nonces.use(accessKeyId, nonce, Math.min(...judge.times))
    ? undefined
    : refuse(400, "SignatureNonceUsed", "Specified signature nonce was used already.");
}
