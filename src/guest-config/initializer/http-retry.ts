import type { Host } from "./host.ts";
import type { HttpRequest, HttpResult } from "./http.ts";

/** Time that several requests share, and whom to tell when it is spent waiting. */
export interface Budget {
  readonly startMs: number;
  readonly deadlineMs: number;
  /** What is awaited and why it does not come: at most once. */
  tell(text: string): void;
}

export function startBudget(host: Host, limitMs: number, tell: (text: string) => void = () => {}): Budget {
  const startMs = host.nowMs();
  let hasTold = false;
  return {
    startMs,
    deadlineMs: startMs + limitMs,
    tell(text) {
      if (hasTold || host.nowMs() - startMs < patienceMs) return;
      hasTold = true;
      tell(text);
    },
  };
}

const patienceMs = 1000;
/** A packet that is lost, or a server not yet up, must not cost the whole time: the first tries are short. */
const firstTryMs = 1500;
const longestTryMs = 10_000;
const firstPauseMs = 100;
const longestPauseMs = 2000;

export type RetriedRequest = Omit<HttpRequest, "timeoutMs">;

export interface Retried {
  readonly result: HttpResult;
  /** Of the request that it answers. */
  readonly index: number;
}

/**
 * Asks until somebody answers, or the budget is spent. Several requests are for the same thing at several places: each round asks all, and the first answer counts.
 * Asked again is what may come yet: unreachable, too late, 408, 429 and 5xx.
 */
export function requestWithRetry(host: Host, requests: readonly RetriedRequest[], budget: Budget): Retried {
  let last: Retried = { result: { failure: "no time is left", kind: "timeout" }, index: 0 };
  for (let tryMs = firstTryMs, pauseMs = firstPauseMs; ; tryMs = Math.min(2 * tryMs, longestTryMs)) {
    for (const [index, request] of requests.entries()) {
      const leftMs = budget.deadlineMs - host.nowMs();
      if (leftMs <= 0) return last;
      const result = host.fetch({ ...request, timeoutMs: Math.min(tryMs, leftMs) });
      if (!mayComeYet(result)) return { result, index };
      // An address that answers, however badly, says more than one that does not; of these the first is the usual one.
      if ("status" in result || (index === 0 && !("status" in last.result))) last = { result, index };
      budget.tell(`waiting for ${originOf(requests)}: ${describeResult(result)}`);
    }
    const leftMs = budget.deadlineMs - host.nowMs();
    if (leftMs <= pauseMs) return last;
    host.sleepMs(pauseMs);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  }
}

/** `getWithRetry` for one place. */
export function getWithRetry(host: Host, request: Omit<RetriedRequest, "method">, budget: Budget): HttpResult {
  return requestWithRetry(host, [{ ...request, method: "GET" }], budget).result;
}

function mayComeYet(result: HttpResult): boolean {
  if ("failure" in result) return result.kind !== "refused";
  return result.status >= 500 || result.status === 408 || result.status === 429;
}

export function describeResult(result: HttpResult): string {
  return "failure" in result ? result.failure : `HTTP ${result.status}`;
}

/** `http://169.254.169.254`: without path and query, which may hold secrets. */
function originOf(requests: readonly RetriedRequest[]): string {
  return requests.map(({ url }) => /^\w+:\/\/[^/?]*/.exec(url)?.[0].replace(/\/\/.*@/, "//") ?? "").join(" or ");
}
