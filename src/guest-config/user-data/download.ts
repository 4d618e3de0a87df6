import type { Host } from "../initializer/host.ts";

export interface DownloadOptions {
  readonly limitBytes: number;
  /** By the host's `nowMs`; tries end there. */
  readonly deadlineMs: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const mostRedirects = 5;
const tryMs = 10_000;
const mostTries = 5;

/** What an address of http, or a file of this guest, holds. Tries again if nobody answers, or the server says that it cannot now. Throws an Error. */
export function download(host: Host, address: string, options: DownloadOptions): Uint8Array {
  const path = /^(?:file:\/\/)?(\/.*)$/.exec(address)?.[1];
  if (path !== undefined) {
    const bytes = host.readBytes(path, 0, options.limitBytes + 1);
    if (bytes === undefined) throw new Error(`cannot read ${path}`);
    if (bytes.length > options.limitBytes) throw new Error(`${path} is too large`);
    return bytes;
  }
  if (!/^https?:\/\//i.test(address)) throw new Error("an address that is neither http nor a file");
  let reason = "no time left";
  let pauseMs = 500;
  for (let tries = 0; tries < mostTries && host.nowMs() < options.deadlineMs; tries++, pauseMs *= 2) {
    if (tries > 0) host.sleepMs(Math.min(pauseMs, Math.max(0, options.deadlineMs - host.nowMs())));
    const result = follow(host, address, options);
    if (result instanceof Uint8Array) return result;
    reason = result.reason;
    if (!result.mayPass) break;
  }
  throw new Error(`cannot fetch ${publicAddress(address)}: ${reason}`);
}

interface Refusal {
  readonly reason: string;
  /** It is worth trying again. */
  readonly mayPass: boolean;
}

function follow(
  host: Host,
  address: string,
  { limitBytes, deadlineMs, headers }: DownloadOptions,
): Uint8Array | Refusal {
  let url = address;
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const timeoutMs = Math.max(1000, Math.min(tryMs, deadlineMs - host.nowMs()));
    const result = host.fetch({ method: "GET", url, headers, timeoutMs, limitBytes });
    if ("failure" in result) return { reason: result.failure, mayPass: result.kind !== "refused" };
    const { status } = result;
    const location = result.headers["location"];
    if (status >= 200 && status < 300) return result.body;
    if (status < 300 || status >= 400 || location === undefined)
      return { reason: `status ${status}`, mayPass: status === 408 || status === 429 || status >= 500 };
    url = resolve(url, location);
    if (!/^https?:\/\//i.test(url)) return { reason: "redirected to an address that is not http", mayPass: false };
  }
  return { reason: "redirected too often", mayPass: false };
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
