import type { ErrorCode } from "../core/error-codes.ts";

/** How one smoke check went. */
export interface SmokeResult {
  /** What a person calls it: `ssh: nginx -v`, `GET /`. */
  readonly name: string;
  readonly kind: "ssh" | "http";
  readonly ok: boolean;
  /** From the check's first attempt to its verdict. */
  readonly durationMs: number;
  /** From the start of the whole run to the verdict. */
  readonly finishedMs: number;
  readonly attempts: number;
  /** What was seen if it passed, what was wrong if it did not. One line. */
  readonly detail: string;
  /** Why it did not pass. */
  readonly code?: ErrorCode | undefined;
}
