import type { ErrorCode } from "../../core/error-codes.ts";
import { CloudimgError } from "../../core/errors.ts";

/** What a service answered instead of what was asked for. */
export interface VendorAnswer {
  readonly status: number;
  /** Huawei's, such as `IMG.0009`; `HTTP 502` where the answer has none. */
  readonly vendorCode: string;
  readonly vendorMessage: string;
  readonly requestId: string | undefined;
}

/** A refusal by Huawei Cloud, in its own words, with its own code. */
export class HuaweiError extends CloudimgError {
  readonly status: number;
  readonly vendorCode: string;

  constructor(what: string, { status, vendorCode, vendorMessage, requestId }: VendorAnswer) {
    const { code, hint } = meaningOf(status, vendorCode, vendorMessage);
    const id = requestId === undefined ? "" : `, request ${requestId}`;
    super({ code, message: `cannot ${what}: Huawei Cloud says ${vendorMessage} (${vendorCode}${id})`, hint });
    this.status = status;
    this.vendorCode = vendorCode;
  }
}

/** Reads an error of any shape: services, their gateway, OpenStack's parts (`{"itemNotFound": {"code", "message"}}`), or a proxy's page. */
export function readVendorAnswer(
  status: number,
  body: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): VendorAnswer {
  const answer = parse(body);
  const inner = Object.values(answer).find(isRecord);
  const first = (...names: string[]) =>
    names.flatMap((name) => [answer[name], inner?.[name]]).find((value) => typeof value === "string" && value !== "");
  const requestId = headers["x-request-id"] ?? headers["x-openstack-request-id"] ?? first("request_id");
  return {
    status,
    // OpenStack's parts repeat the status as a number: it says nothing.
    vendorCode: String(first("code", "error_code") ?? `HTTP ${status}`),
    vendorMessage: String(first("message", "error_msg", "title") ?? "nothing more").trim(),
    requestId: typeof requestId === "string" ? requestId : undefined,
  };
}

/** A job has failed: what it was to make may be half there. */
export class JobFailure extends HuaweiError {
  constructor(what: string, vendorCode: string, vendorMessage: string) {
    super(what, { status: 400, vendorCode, vendorMessage, requestId: undefined });
  }
}

interface Meaning {
  readonly codes: RegExp;
  /** Of the message, where a code has several meanings. */
  readonly says?: RegExp;
  readonly code: ErrorCode;
  readonly hint?: string;
}

const quotaHint = "remove what is not needed any more, or ask Huawei Cloud for a higher quota";

/** The first that fits. Sources: the error codes of the API references of IMS, ECS, VPC and API Gateway. */
export const meanings: readonly Meaning[] = [
  {
    codes: /^APIG?W?\.0301$/,
    says: /security ?token/i,
    code: "cloud/credentials",
    hint: "temporary keys have expired, or their token is missing: get new ones",
  },
  {
    codes: /^APIG?W?\.0301$/,
    says: /expired|time/i,
    code: "cloud/clock",
    hint: "set this host's clock: a request may be 15 minutes old",
  },
  {
    codes: /^APIG?W?\.030[1-7]$|^HTTP 401$/,
    code: "cloud/credentials",
    hint: "compare the access key with https://console.huaweicloud.com/iam/#/mine/accessKey; temporary keys need their security token, and end",
  },
  {
    codes: /^APIG?W?\.0101$/,
    code: "cloud/refused",
    hint: "look at the region's name: such a region does not exist, or does not have this service",
  },
  {
    codes: /^Ecs\.(0319|0044)$/,
    code: "cloud/sold-out",
    hint: "try another flavor or zone, or no spot instance",
  },
  { codes: /^IMG\.0009$/, code: "cloud/name-taken", hint: "choose another name, or remove that image" },
  {
    codes: /^(IMG\.0015|Ecs\.00(01|13|21))$/,
    code: "cloud/quota",
    hint: quotaHint,
  },
  { codes: /^Ecs\.0067$/, code: "cloud/quota", hint: "top up the account: pay-per-use needs a balance" },
  {
    codes: /^(IMG\.0058|IMG\.0069)$/,
    code: "cloud/import-failed",
    hint: "the bucket must be of the image's region, of class Standard, and readable by the user",
  },
  {
    codes: /^IMG\.(005[5-9]|0068|0141|0175)$/,
    code: "cloud/import-failed",
    hint: "check the image before the upload: cloudimg check IMAGE --for huawei",
  },
  // It says so of an image that has just become active, too.
  { codes: /^Ecs\.0032$/, code: "cloud/busy" },
  { codes: /^Ecs\.0012$/, code: "cloud/quota", hint: "the subnet has no free addresses: end instances in it" },
  { codes: /^(Ecs\.0114|Ecs\.0614|Ecs\.0031|IMG\.0027)$/, code: "cloud/not-found" },
];

const throttledCodes = /^(IMG\.0060|APIG?W?\.0308|Common\.1503)$/;

/** Refused before any work because of too many requests or jobs: the same may be asked again, whatever it is. */
export function isThrottled({ status, vendorCode }: Pick<VendorAnswer, "status" | "vendorCode">): boolean {
  return status === 429 || throttledCodes.test(vendorCode);
}

function meaningOf(status: number, vendorCode: string, message: string): { code: ErrorCode; hint?: string } {
  const found = meanings.find(({ codes, says }) => codes.test(vendorCode) && (says?.test(message) ?? true));
  if (found !== undefined) return { code: found.code, ...(found.hint !== undefined && { hint: found.hint }) };
  if (isThrottled({ status, vendorCode }) || status >= 500)
    return { code: "cloud/unreachable", hint: "run the same command again: it goes on where it stopped" };
  if (status === 401) return { code: "cloud/credentials" };
  // Of all services; only some have codes for it that are known.
  if ((status === 403 || status === 409) && /quota|exceed/i.test(message))
    return { code: "cloud/quota", hint: quotaHint };
  if (status === 403) return { code: "cloud/denied", hint: "give the user an IAM policy that allows this" };
  if (status === 404) return { code: "cloud/not-found" };
  if (status === 409) return { code: "cloud/busy" };
  return { code: "cloud/refused" };
}

function parse(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
