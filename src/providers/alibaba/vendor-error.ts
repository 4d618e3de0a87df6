import type { ErrorCode } from "../../core/error-codes.ts";
import { CloudimgError } from "../../core/errors.ts";

/** An answer that is an error, as the API gives it: `{"Code","Message","RequestId","HostId","Recommend"}` with HTTP 4xx or 5xx. */
export class EcsError extends Error {
  override readonly name = "EcsError";
  readonly code: string;
  readonly status: number;
  readonly requestId: string | undefined;

  constructor(answer: { code: string; status: number; message: string; requestId?: string | undefined }) {
    super(answer.message);
    this.code = answer.code;
    this.status = answer.status;
    this.requestId = answer.requestId;
  }
}

/** The vendor's own code of an error that was made of an answer of its. */
export function vendorCodeOf(error: unknown): string | undefined {
  if (error instanceof EcsError) return error.code;
  return error instanceof CloudimgError && error.cause instanceof EcsError ? error.cause.code : undefined;
}

/** Whether something that was asked for, or is to go, is not there: the code is `Invalid….NotFound`; how `Id` is spelled differs. */
export function isGone(error: unknown): boolean {
  const code = vendorCodeOf(error) ?? "";
  return /^Invalid(InstanceId|ImageId|SnapshotId|SecurityGroupId|KeyPair\w*|VSwitchId|VpcId|TaskId)\.NotFound$/i.test(
    code,
  );
}

/** Whether the same request may do better in a moment. */
export function isPassing(error: unknown): boolean {
  if (error instanceof EcsError) {
    return (
      error.status >= 500 ||
      /^Throttling|^ServiceUnavailable|^InternalError|^IdempotentProcessing|^LastTokenProcessing/.test(error.code)
    );
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(ECONN(RESET|REFUSED|ABORTED)|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|E(NET|HOST)UNREACH|HPE_\w+)$/.test(code);
}

const importRole = "AliyunECSImageImportDefaultRole";

/** What only a person can do: the RAM API is none of ours, and rights are not ours to give. */
export const roleSteps: readonly string[] = [
  `In the RAM console, create a role for the trusted service ECS (ecs.aliyuncs.com) with exactly this name: ${importRole}.
Its trust policy is {"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":["ecs.aliyuncs.com"]}}],"Version":"1"}`,
  `Attach the system policy AliyunECSImageImportRolePolicy to it (it allows oss:GetObject, oss:GetBucketLocation and oss:GetBucketInfo). A new role takes about a minute to work.`,
];

/** The first that fits is what it means to us. Codes newer than the vendor's error table fall through to the general ones. */
export const meanings: readonly (readonly [pattern: RegExp, code: ErrorCode, hint?: string])[] = [
  [/^NoSetRoletoECSServiceAcc?ount$/, "cloud/denied", roleSteps.map((step, at) => `${at + 1}. ${step}`).join("\n")],
  [/^InvalidTimeStamp\./, "cloud/clock", "set this host's clock, for example by NTP"],
  [
    /^(InvalidAccessKeyId|InvalidSecurityToken|MissingSecurityToken|InvalidCredentials)\b|^(IncompleteSignature|SignatureDoesNotMatch|MissingAccessKeyId)$/,
    "cloud/credentials",
    "look at the access key in the RAM console: it may be wrong, disabled, or expired",
  ],
  [
    /^(OperationDenied\.NoStock|InvalidResourceType\.NotSupported|ImageNotSupportInstanceType|InstanceType\.Offline|LackResource|ResourceNotAvailable|NodeControllerUnavailable|Zone\.NotOnSale|Zone\.NotOpen|OperationDenied\.Zone\w+|InvalidSpotPriceLimit\.LowerThanPublicPrice|QuotaExceed\.Spot\w*)$|^InvalidInstanceType\.|^(InvalidSystemDiskCategory|InvalidDiskCategory)\.|^(CategoryNotSupported|InvalidVpcZone\.NotSupported|OperationDenied\.DiskTypeNotSupport|IoOptimized\.NotSupported|InvalidResourceId\.NotSupported)$/,
    "cloud/sold-out",
  ],
  [
    /^(IncorrectInstanceStatus|DependencyViolation|IncorrectImageStatus|IncorrectVSwitchStatus|IncorrectVpcStatus)\b|^(ImageIs\w+|ImageUsingByInstance|OperationDenied\.ImageCopying|Operation\.Conflict|OperationConflict|SnapshotCreated(Disk|Image)|InvalidTaskId\.IncorrectTaskStatus|InvalidOperation\.Conflict|TaskConflict|OperationDenied\.CreatingConflict|IncorrectDefaultVpcStatus)$/,
    "cloud/busy",
  ],
  [
    /^QuotaExceed|LimitExceed|QuotaExceed|^(InsufficientBalance|Account\.Arrearage|InvalidPayMethod|PaymentMethodNotFound)$|NotEnoughBalance/,
    "cloud/quota",
    "remove what is not needed any more, or ask for more: https://quotas.console.aliyun.com; pay-as-you-go needs a balance",
  ],
  [/^InvalidImageName\.Duplicated$|^KeyPair\.AlreadyExist$/, "cloud/name-taken"],
  [
    /^UserNotInTheWhiteList$|^RealNameAuthenticationError$/,
    "cloud/denied",
    "the vendor has to enable this for your account",
  ],
  // The vendor's table spells it in both ways.
  [
    /^Forb+id+en|^InvalidAction\.Unauthorized$|^NoPermission|^RegionUnauthorized$|^InvalidAccountStatus|^SecurityRisk/,
    "cloud/denied",
  ],
  [
    /^Invalid(InstanceId|ImageId|SnapshotId|SecurityGroupId|KeyPair\w*|VSwitchId|VpcId|RegionId|ZoneId|TaskId|Account)\.NotFound$/i,
    "cloud/not-found",
  ],
];

/** `cannot <what>: …` with the vendor's message, code and request id, and what it means to us. */
export function explain(what: string, error: EcsError): CloudimgError {
  const [, code, hint] = meanings.find(([pattern]) => pattern.test(error.code)) ?? [
    undefined,
    isPassing(error) ? ("cloud/unreachable" as const) : ("cloud/refused" as const),
  ];
  const request = error.requestId === undefined ? "" : `, request ${error.requestId}`;
  // A wrong signature is answered with all that was signed, which helps nobody who has a wrong key.
  const said = error.message
    .replace(/[.,]?\s*server (CanonicalRequest|string to sign) is:.*$/is, "")
    .replace(/\.$/, "");
  const message = `cannot ${what}: ${said} (${error.code}${request})`;
  return new CloudimgError({ code, message, hint }, { cause: error });
}
