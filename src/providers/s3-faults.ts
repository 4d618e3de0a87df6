import type { ErrorCode } from "../core/error-codes.ts";
import { CloudimgError, errnoOf } from "../core/errors.ts";

/** What went wrong, out of what the SDK throws. */
export interface StoreFault {
  /** Absent: no answer came. */
  readonly status?: number | undefined;
  /** The store's own code, or the network's (`ECONNRESET`). Answers to HEAD have no body, hence none. */
  readonly code?: string | undefined;
  readonly message: string;
  readonly requestId?: string | undefined;
}

/** The fields of the SDK's `ServiceException`, and what it leaves of the answer. */
interface Thrown {
  readonly name?: string;
  readonly Code?: string;
  readonly RequestId?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

/** Bytes arrived otherwise than they were sent, or the store says that they did: another try may help. */
export class DamagedPart extends Error {
  override readonly name = "DamagedPart";
}

export function faultOf(error: unknown): StoreFault {
  const thrown = error as Thrown;
  const status = thrown.$response?.statusCode ?? thrown.$metadata?.httpStatusCode;
  const code = errnoOf(error) ?? thrown.Code ?? thrown.name;
  const headers = Object.entries(thrown.$response?.headers ?? {});
  return {
    status,
    code: code === undefined || unnamed.has(code) || /^\d+$/.test(code) ? undefined : code,
    message: thrown.message === undefined || unnamed.has(thrown.message) ? "" : thrown.message,
    requestId:
      thrown.RequestId ?? thrown.$metadata?.requestId ?? headers.find(([name]) => /-request-?id$/i.test(name))?.[1],
  };
}

/** Names that the SDK gives to answers without a code. */
const unnamed = new Set(["Error", "Unknown", "UnknownError", "NotFound", "SyntaxError", "TypeError", "AbortError"]);

const networkCodes = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EAI_AGAIN",
  "TimeoutError",
]);
/** Of 4xx answers, those that another try may turn into a good one. `BadDigest` and the like: the bytes were damaged on the way. */
const passingCodes =
  /^(RequestTimeout|RequestTimeTooLong|SlowDown|Throttl[\w.]*|TooManyRequests\w*|RequestLimitExceeded|QpsLimitExceeded|InternalError|ServiceUnavailable|ServerBusy|BadDigest|InvalidDigest|IncompleteBody|XAmzContentSHA256Mismatch|OperationAborted|ConcurrentModification|ExceedAccountQPSLimit|ExceedAccountRateLimit|ExceedBucketQPSLimit|ExceedBucketRateLimit)$/;

/** Whether the same request may well succeed in a moment. */
export function isPassing(error: unknown): boolean {
  if (error instanceof DamagedPart) return true;
  if (error instanceof CloudimgError) return false;
  const { status, code } = faultOf(error);
  if (status === undefined) return code !== undefined && networkCodes.has(code);
  // An answer that was cut short, or put in by something between us and the store, is no XML.
  if (status < 300) return true;
  if (status === 501 || status === 505) return false;
  return status >= 500 || status === 408 || status === 429 || passingCodes.test(code ?? "");
}

/** A name that is not known may be a mistake, so it is not tried for long. */
export function isUnknownName(error: unknown): boolean {
  return faultOf(error).code === "ENOTFOUND";
}

export function isMissing(error: unknown): boolean {
  return faultOf(error).status === 404;
}

/** The unfinished upload is not there (any more), or its parts are not those that we know of. */
export function isLostUpload(error: unknown): boolean {
  return ["NoSuchUpload", "InvalidPart", "InvalidPartOrder"].includes(faultOf(error).code ?? "");
}

/** The upload itself is not there (any more): it was completed, or removed. */
export function isGoneUpload(error: unknown): boolean {
  return faultOf(error).code === "NoSuchUpload";
}

/** How stores say that they want the body signed. */
export function wantsSignedBody(error: unknown): boolean {
  const { code = "", message } = faultOf(error);
  return (
    code === "XAmzContentSHA256Mismatch" ||
    (/^(NotImplemented|InvalidArgument|InvalidRequest)$/.test(code) && /UNSIGNED-PAYLOAD|content-sha256/i.test(message))
  );
}

/** The overwrite guard, or another writer of the same object. */
export function isTaken(error: unknown): boolean {
  const { status } = faultOf(error);
  return status === 409 || status === 412;
}

export const meanings: readonly (readonly [codes: RegExp, code: ErrorCode, hint: string])[] = [
  [/^(RequestTimeTooSkewed|RequestExpired)$/, "cloud/clock", "set this host's clock: it may be 15 minutes off at most"],
  [
    /^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSecurityToken|InvalidSecurity|InvalidToken|ExpiredToken|SecurityTokenExpired|TokenRefreshRequired)$/,
    "cloud/credentials",
    "compare the keys with those of the cloud's console; temporary keys expire, and need their token",
  ],
  [/^NoSuchBucket$/, "cloud/not-found", "make the bucket in the region of the image, or name another one"],
  [
    /^(PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint\w*)$/,
    "cloud/store-region",
    "name the region of the bucket, or a bucket of that region",
  ],
  [
    /^(FileAlreadyExists|ObjectAlreadyExists|PreconditionFailed)$/,
    "cloud/name-taken",
    "remove that object, or choose another prefix",
  ],
  [
    /^(QuotaExceeded|StorageQuotaExceeded|InsufficientStorageSpace|UserDisable|AccountNotEnabled|InArrears\w*|ArrearsError)$/,
    "cloud/quota",
    "look at the account's balance and the bucket's quota",
  ],
];

/** What we wanted (`upload x to y`), what the store said, and the id of the request by which its support finds it. */
export function explainFault(error: unknown, what: string, product: string): CloudimgError {
  if (error instanceof CloudimgError) return error;
  const fault = faultOf(error);
  if (fault.status === undefined && fault.code === undefined && !(error instanceof DamagedPart)) throw error;
  const said = [fault.code, fault.message].filter((word) => word !== undefined && word !== "").join(": ");
  const request = fault.requestId === undefined ? "" : ` (request ${fault.requestId})`;
  const [code, hint] = meaningOf(error, fault);
  const reason =
    fault.status === undefined
      ? `${product} cannot be reached: ${said}`
      : `${product} answers ${fault.status}${said === "" ? "" : `, ${said}`}${request}`;
  const why = error instanceof DamagedPart ? error.message : reason;
  return new CloudimgError({ code, message: `cannot ${what}: ${why}`, hint }, { cause: error });
}

function meaningOf(error: unknown, { status, code = "", message }: StoreFault): readonly [ErrorCode, string] {
  if (error instanceof DamagedPart)
    return ["cloud/store-damaged", "something between here and the cloud changes what is sent: look for a proxy"];
  // OSS says so as an `AccessDenied`.
  if (/must be addressed using the specified endpoint/.test(message))
    return ["cloud/store-region", "name the region of the bucket, or a bucket of that region"];
  const meaning = meanings.find(([codes]) => codes.test(code));
  if (meaning !== undefined) return [meaning[1], meaning[2]];
  if (isUnknownName(error)) return ["cloud/unreachable", "check the name of the region, and this host's DNS"];
  if (/CERT|SSL|TLS|ISSUER/.test(code) && status === undefined)
    return ["cloud/unreachable", "its certificate is not trusted here: look for a proxy, and at this host's clock"];
  if (status === undefined || isPassing(error))
    return ["cloud/unreachable", "run the same command again: it goes on where it stopped"];
  if (status === 401 || status === 403) return ["cloud/denied", "allow these credentials to read and write the bucket"];
  if (status === 301 || status === 307) return ["cloud/store-region", "name the region of the bucket"];
  if (status === 404) return ["cloud/not-found", "check the name of the bucket, and its region"];
  if (status === 409 || status === 412) return ["cloud/name-taken", "remove that object, or choose another prefix"];
  return ["cloud/refused", "the store's own words say why"];
}
