/** What an access key's id leads to. */
export interface SigningKey {
  readonly secret: string;
  /** Of temporary keys: requests must carry it. */
  readonly sessionToken?: string | undefined;
  /** Of temporary keys, milliseconds since 1970. */
  readonly expiresAtMs?: number | undefined;
}

/** What a request is judged by. Nothing else decides: the same request gets the same verdict. */
export interface Judge {
  /** Undefined: there is no such key. */
  readonly keyOf: (accessKeyId: string) => SigningKey | undefined;
  /** Times that the client may take it to be, milliseconds since 1970; see `Clock.signingTimes`. */
  readonly times: readonly number[];
}

/** The vendor's own words; how they are wrapped is up to the service. */
export interface Refusal {
  readonly ok: false;
  /** HTTP status. */
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export type Verdict = { readonly ok: true; readonly accessKeyId: string } | Refusal;

export function refuse(status: number, code: string, message: string): Refusal {
  return { ok: false, status, code, message };
}

/** Whether a time is no further from one of the judge's than that. */
export function isNear(timeMs: number, toleranceMs: number, { times }: Judge): boolean {
  return times.some((now) => Math.abs(now - timeMs) <= toleranceMs);
}

/** Whether a key can no longer be used at any of the judge's times. */
export function isExpired({ expiresAtMs }: SigningKey, { times }: Judge): boolean {
  return expiresAtMs !== undefined && times.every((now) => now >= expiresAtMs);
}

/** `20261121T024752Z` or `2026-11-21T02:47:52Z` as milliseconds since 1970; undefined if it is neither. */
export function parseTime(text: string | undefined): number | undefined {
  const parts = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)Z$/.exec(text ?? "");
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const timeMs = Date.UTC(year, month - 1, day, hour, minute, second);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** `Credential=…, SignedHeaders=…, Signature=…` behind a scheme; undefined if it is another scheme or not so formed. */
export function parseAuthorization(
  value: string | undefined,
  scheme: string,
): Readonly<Record<string, string>> | undefined {
  if (!value?.startsWith(`${scheme} `)) return undefined;
  const parts = value
    .slice(scheme.length + 1)
    .split(",")
    .map((part) => /^\s*([A-Za-z]+)=(\S+)\s*$/.exec(part));
  if (parts.some((part) => part === null)) return undefined;
  const names = parts.map((part) => part?.[1]);
  return new Set(names).size === names.length
    ? Object.fromEntries(parts.map((part) => [part?.[1], part?.[2]]))
    : undefined;
}
