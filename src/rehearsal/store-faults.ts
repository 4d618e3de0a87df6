import type { FaultPlan } from "./faults.ts";
import type { StoreFaultHook } from "./object-store/faults.ts";

/** Codes of S3's that have another status than 400. */
const statuses: Readonly<Record<string, number>> = {
  SlowDown: 503,
  ServiceUnavailable: 503,
  InternalError: 500,
  AccessDenied: 403,
  SignatureDoesNotMatch: 403,
  InvalidObjectState: 403,
  NoSuchKey: 404,
  NoSuchBucket: 404,
  NoSuchUpload: 404,
};

/** A plan's faults as an object store has them: `s3.UploadPart`, by the names of Amazon's API. */
export function storeFaults(plan: FaultPlan): StoreFaultHook {
  return ({ operation }) => {
    const fault = operation === undefined ? undefined : plan.take("s3", operation);
    switch (fault?.kind) {
      case undefined:
        return undefined;
      case "drop":
        return { isDropped: true };
      case "lost":
        return { isAnswerLost: true };
      case "status":
        return { status: fault.status, code: fault.status === 503 ? "ServiceUnavailable" : "InternalError" };
      case "error":
        return { status: statuses[fault.code] ?? 400, code: fault.code };
    }
  };
}
