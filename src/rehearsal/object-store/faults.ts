import type { StoreOperationName } from "./routes.ts";

/** What whoever breaks things is shown of a request, before anything is done with it. */
export interface FaultableRequest {
  /** Undefined: none that the store knows. */
  readonly operation: StoreOperationName | undefined;
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

/** How a request shall fail. Several at once happen in this order. */
export interface StoreFault {
  /** Wait first. */
  readonly delayMs?: number | undefined;
  /** Cut the connection, and do nothing. */
  readonly isDropped?: boolean | undefined;
  /** Answer this, and do nothing. */
  readonly status?: number | undefined;
  /** With a status. Default: `InternalError`. */
  readonly code?: string | undefined;
  /** Cut the connection after so many bytes of the request's body, before anything is kept; without a body, after so many of the answer's. */
  readonly cutAfterBytes?: number | undefined;
  /** Do it, and cut the connection instead of answering. */
  readonly isAnswerLost?: boolean | undefined;
}

export type StoreFaultHook = (request: FaultableRequest) => StoreFault | undefined;
