import type { ErrorCode } from "../../core/error-codes.ts";
import { CloudimgError } from "../../core/errors.ts";

/** What the SDK throws (`TencentCloudSDKHttpException`): with a code if the service answered, with `httpCode` if it did not answer with 200, else with neither. */
interface VendorException extends Error {
  readonly code?: string;
  readonly requestId?: string;
  readonly httpCode?: number;
}

interface Meaning {
  readonly codes: RegExp;
  readonly code: ErrorCode;
  /** Only of these actions. */
  readonly actions?: readonly string[];
  readonly hint?: string;
}

/** Codes of CVM, VPC, STS and CAM, the first that fits. Sources: the error codes that the API documents list for each action. */
export const meanings: readonly Meaning[] = [
  {
    codes: /^AuthFailure\.SignatureExpire$/,
    code: "cloud/clock",
    hint: "set this host's clock: a request may be five minutes old",
  },
  {
    codes: /^AuthFailure\.TokenFailure$|^UnauthorizedOperation\.InvalidToken$/,
    code: "cloud/credentials",
    hint: "temporary keys have expired, or their token is missing: get new ones",
  },
  {
    codes: /^(AuthFailure\.UnauthorizedOperation|UnauthorizedOperation)(\.|$)/,
    code: "cloud/denied",
    hint: "give the user a CAM policy that allows this action",
  },
  {
    codes: /^AuthFailure(\.|$)/,
    code: "cloud/credentials",
    hint: "compare the SecretId and the SecretKey with https://console.cloud.tencent.com/cam/capi",
  },
  {
    codes: /^InvalidAccount\.|^AccountQualificationRestrictions$/,
    code: "cloud/quota",
    hint: "pay-as-you-go needs a verified account and a balance for the first hour",
  },
  {
    // What a next zone or type may well have.
    codes:
      /^(ResourceInsufficient|ResourcesSoldOut)(\.|$)|^ResourceUnavailable\.InstanceType$|^ResourceNotFound\.NoDefaultCbs|^InvalidParameterValue\.(InsufficientPrice|InsufficientOffering|ZoneNotSupported|InvalidImageForGivenInstanceType)$|^InvalidParameter\.InstanceImageNotSupport$|^FailedOperation\.NoAvailableIpAddressCountInSubnet$|^LimitExceeded\.(User)?SpotQuota$|^UnsupportedOperation\.(SpotUnsupportedRegion|NoInstanceTypeSupportSpot)$/,
    code: "cloud/sold-out",
    actions: ["RunInstances", "InquiryPriceRunInstances"],
    hint: "try another instance type or zone, or no spot instance",
  },
  {
    codes: /^MutexOperation\.|^OperationDenied\.(InstanceOperationInProgress|MutexTaskRunning)$|^ResourceInUse(\.|$)/,
    code: "cloud/busy",
  },
  {
    codes: /^UnsupportedOperation\.InstanceState/,
    code: "cloud/busy",
    actions: ["TerminateInstances"],
  },
  {
    codes: /^InvalidImageId\.(IncorrectState|InShared)$|^InvalidParameterValue\.InvalidImageIdIsShared$/,
    code: "cloud/busy",
    actions: ["DeleteImages"],
  },
  {
    codes: /^(ImageQuotaLimitExceeded|InstancesQuotaLimitExceeded|OverQuota)$|^LimitExceeded|\.LimitExceeded$/,
    code: "cloud/quota",
    hint: "remove what is not needed any more, or ask Tencent Cloud for a higher quota",
  },
  {
    codes: /^InvalidImageName\.Duplicate$/,
    code: "cloud/name-taken",
    hint: "choose another name, or remove that image",
  },
  {
    codes: /^(InvalidRegion|RegionAbilityLimit|UnsupportedRegion)(\.|$)/,
    code: "cloud/refused",
    hint: "choose another region",
  },
  {
    codes: /^InvalidParameterValue\.TagKeyNotFound$/,
    code: "cloud/refused",
    hint: "make the keys of tags once, or allow tag:CreateTag: cloudimg:run, cloudimg:image and cloudimg:profile, at https://console.cloud.tencent.com/tag/taglist",
  },
  { codes: /(^ResourceNotFound|\.NotFound|NotFound$|NotExist(ed)?$)/, code: "cloud/not-found" },
];

const passing = /^(RequestLimitExceeded|InternalError|InternalServerError|ServiceUnavailable)(\.|$)/;

/** Whether the same request may well be answered in a moment. */
export function isPassing(error: unknown): boolean {
  const { code, httpCode, name } = error as VendorException;
  if (isAnswer(code)) return passing.test(code);
  if (httpCode !== undefined) return httpCode >= 500 || httpCode === 429;
  // Faults of the network: the SDK wraps most of them. An answer cut short is no JSON, which node-fetch says by an error of its own.
  return "traceId" in (error as object) || name === "FetchError" || /^E(?!RR_)[A-Z_]+$/.test(code ?? "");
}

/** The service's own codes are capitalised words (`AuthFailure.SignatureFailure`); those of Node's network are `ECONNRESET` and the like. */
function isAnswer(code: string | undefined): code is string {
  return code !== undefined && /^[A-Z][a-z]|^ISO|^[A-Z]{2,}[a-z]/.test(code);
}

/** Says what we wanted and what Tencent said: its code, its words, and the request's id, by which its support finds the call. `what` reads "import the image". */
export function vendorError(action: string, what: string, error: unknown): CloudimgError {
  const { code, httpCode, requestId, message } = error as VendorException;
  const id = requestId === undefined || requestId === "" ? action : `${action}, request ${requestId}`;
  const unanswered = httpCode === undefined ? message : `HTTP ${httpCode} ${message}`;
  const said = isAnswer(code) ? `Tencent Cloud says ${code}: ${message}` : unanswered;
  const problem = { message: `cannot ${what}: ${said} (${id})` };
  if (isPassing(error)) {
    const hint = "run the same command again when the connection, or the cloud, is better";
    return new CloudimgError({ ...problem, code: "cloud/unreachable", hint }, { cause: error });
  }
  const meaning = meanings.find(
    ({ codes, actions }) => isAnswer(code) && codes.test(code) && (actions?.includes(action) ?? true),
  );
  return new CloudimgError(
    { ...problem, code: meaning?.code ?? "cloud/refused", hint: meaning?.hint },
    { cause: error },
  );
}

/** Tencent's own code of an error that `vendorError` made. */
export function vendorCodeOf(error: unknown): string | undefined {
  const cause = error instanceof CloudimgError ? (error.cause as VendorException | undefined) : undefined;
  return isAnswer(cause?.code) ? cause.code : undefined;
}
