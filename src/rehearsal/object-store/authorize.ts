import type { KeyRing } from "../accounts.ts";
import { claimsCos, verifyCos } from "../signatures/cos.ts";
import { claimsSigV4, verifySigV4Head } from "../signatures/sigv4.ts";
import type { Judge, Refusal } from "../signatures/verdict.ts";
import type { StoreDialect } from "./dialect.ts";
import { refuse } from "./store-error.ts";
import type { StoreRequest } from "./store-request.ts";

/** Who asks, and what is known of the body that is to come. */
export interface Caller {
  /** Undefined: nobody in particular. */
  readonly account: string | undefined;
  /** Hexadecimal; undefined if the signature leaves the body out. */
  readonly bodySha256: string | undefined;
}

export interface Gate {
  readonly dialect: StoreDialect;
  readonly keys: Pick<KeyRing, "keyOf">;
  readonly accountOf: (accessKeyId: string) => string;
  /** What a client may take the time to be. */
  readonly times: () => readonly number[];
  /** Bodies may be left out of signatures. */
  readonly unsignedPayload: boolean;
  /** Links that were followed. */
  readonly usedLinks: Set<string>;
}

/**
 * Verifies the signature of a request by the bytes that were received; whether who signed may do what is asked, the operation knows.
 *
 * Errors: `InvalidAccessKeyId`, `SignatureDoesNotMatch`, `RequestTimeTooSkewed`, `AccessDenied`, …
 */
export function authorize(request: StoreRequest, gate: Gate): Caller {
  const { dialect, keys, accountOf } = gate;
  const { head, headers } = request;
  refuseChunked(request, dialect);
  const judge: Judge = { keyOf: (accessKeyId) => keys.keyOf(accessKeyId), times: gate.times() };
  if (claimsSigV4(head)) {
    const region = dialect.signsRegion ? request.place?.region : undefined;
    const verdict = verifySigV4Head(head, judge, { region });
    if (!verdict.ok) throwRefusal(verdict, dialect);
    // As a store does that takes the words for a sum.
    if (verdict.bodySha256 === undefined && !verdict.isPresigned && !gate.unsignedPayload) wrongBody();
    if (verdict.isPresigned) useLink(request, "X-Amz-Signature", gate);
    return { account: accountOf(verdict.accessKeyId), bodySha256: verdict.bodySha256 };
  }
  if (dialect.name === "cos" && claimsCos(head)) {
    const verdict = verifyCos(head, judge);
    if (!verdict.ok) throwRefusal(verdict, dialect);
    if (!headers.has("authorization")) useLink(request, "q-signature", gate);
    return { account: accountOf(verdict.accessKeyId), bodySha256: undefined };
  }
  if (headers.has("authorization"))
    refuse(400, "InvalidArgument", "Unsupported Authorization Type", { ArgumentName: "Authorization" });
  return { account: undefined, bodySha256: undefined };
}

/** The body is not the one that was signed. */
export function wrongBody(): never {
  refuse(
    400,
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  );
}

function throwRefusal({ status, code, message }: Refusal, dialect: StoreDialect): never {
  refuse(status, code, code === "InvalidAccessKeyId" ? dialect.refusals.unknownKey : message);
}

function refuseChunked({ headers }: StoreRequest, dialect: StoreDialect): void {
  const payload = headers.get("x-amz-content-sha256") ?? "";
  const isChunked = /\baws-chunked\b/i.test(headers.get("content-encoding") ?? "");
  if (!isChunked && !payload.startsWith("STREAMING-")) return;
  const { status, code, message, details } = dialect.refusals.chunked(payload);
  refuse(status, code, message, details);
}

/** Tencent: "a signed link can be visited once" (import of images); who tries it out has used it up. It is said of downloads. */
function useLink({ head, query }: StoreRequest, parameter: string, { dialect, usedLinks }: Gate): void {
  const signature = query.get(parameter);
  if (!dialect.signedUrlsWorkOnce || signature === undefined || head.method === "PUT") return;
  if (usedLinks.has(signature)) refuse(403, "AccessDenied", "The signed link has been visited before.");
  usedLinks.add(signature);
}
