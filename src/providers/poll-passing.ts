import { CloudimgError, errnoOf } from "../core/errors.ts";

/** Network faults that end by themselves, by Node's names, and what vendors' SDKs say of a request that had no answer in time. */
const passingCodes = new Set([
  ...["ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "ESOCKETTIMEDOUT", "ENOTFOUND", "EAI_AGAIN"],
  ...["EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT"],
  ...["UND_ERR_BODY_TIMEOUT", "UND_ERR_SOCKET", "ERR_SOCKET_CONNECTION_TIMEOUT"],
]);

/** Whether a cloud has said no to something that it was asked to make: then it is not there. That an answer took too long says nothing of it, nor does an error of this host. */
export function isRefusal(error: unknown): error is CloudimgError {
  if (!(error instanceof CloudimgError) || isPassing(error)) return false;
  return error.code.startsWith("cloud/") && error.code !== "cloud/timeout";
}

/** Whether asking again may help. What providers throw has been mapped to our codes; what slips through is known by its network error. */
export function isPassing(error: unknown): boolean {
  if (error instanceof CloudimgError) return error.code === "cloud/unreachable" || error.code === "cloud/busy";
  const code = errnoOf(error);
  if (code !== undefined && passingCodes.has(code)) return true;
  if (error instanceof Error && error.name === "TimeoutError") return true;
  return error instanceof Error && error.cause !== undefined && isPassing(error.cause);
}
