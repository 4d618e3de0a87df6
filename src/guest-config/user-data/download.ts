import type { Host } from "../initializer/host.ts";
import { type Budget, describeResult, getWithRetry } from "../initializer/http-retry.ts";

export interface DownloadOptions {
  readonly limitBytes: number;
  /** Shared with other downloads; one alone may not use all of it. */
  readonly budget: Budget;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const mostRedirects = 5;
const longestMs = 10_000;

/** What an address of http, or a file of this guest, holds. Tries again if nobody answers, or the server says that it cannot now. Throws an Error. */
export function download(host: Host, address: string, { limitBytes, budget, headers }: DownloadOptions): Uint8Array {
  const path = /^(?:file:\/\/)?(\/.*)$/.exec(address)?.[1];
  if (path !== undefined) {
    // Reading a terminal or a pipe may never end.
    const isReadable = ["file", "link"].includes(host.attributes(path)?.kind ?? "");
    const bytes = isReadable ? host.readBytes(path, 0, limitBytes + 1) : undefined;
    if (bytes === undefined) throw new Error(`cannot read ${path}`);
    if (bytes.length > limitBytes) throw new Error(`${path} is too large`);
    return bytes;
  }
  const own = { ...budget, deadlineMs: Math.min(budget.deadlineMs, host.nowMs() + longestMs) };
  const failed = (reason: string) => new Error(`cannot fetch ${publicAddress(address)}: ${reason}`);
  let url = address;
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    if (!/^https?:\/\//i.test(url)) throw failed("it is neither http nor a file");
    const result = getWithRetry(host, { url, headers, limitBytes }, own);
    if ("failure" in result) throw failed(result.failure);
    if (result.status >= 200 && result.status < 300) return result.body;
    const location = result.headers["location"];
    if (result.status < 300 || result.status >= 400 || location === undefined) throw failed(describeResult(result));
    url = resolve(url, location);
  }
  throw failed("redirected too often");
}

/** RFC 3986 section 5.2, for the forms that servers send. */
function resolve(base: string, location: string): string {
  if (/^[a-z][a-z\d+.-]*:/i.test(location)) return location;
  const [, scheme = "", authority = "", path = ""] = /^([a-z]+:)(\/\/[^/?#]*)([^?#]*)/i.exec(base) ?? [];
  if (location.startsWith("//")) return scheme + location;
  if (location.startsWith("/")) return scheme + authority + location;
  return scheme + authority + path.replace(/[^/]*$/, "").replace(/^$/, "/") + location;
}

/** Without what may be secret: passwords, and signatures in the query. */
export function publicAddress(address: string): string {
  return address.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//");
}
