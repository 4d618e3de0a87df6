import type { IncomingMessage } from "node:http";
import { errnoOf } from "./errors.ts";
import { retry } from "./retry.ts";

/** Why a download failed. `status`: the server said no; `incomplete`: it sent less, or more, than it should; else the network. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly url: string;
  readonly kind: "network" | "status" | "incomplete";
  readonly status: number | undefined;

  constructor(
    url: string,
    kind: DownloadError["kind"],
    reason: string,
    rest: { status?: number; cause?: unknown } = {},
  ) {
    super(reason, { cause: rest.cause });
    this.url = url;
    this.kind = kind;
    this.status = rest.status;
  }
}

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Known size; anything else is an error. */
  readonly sizeBytes?: number;
  /** Told about every piece as it comes, before it is complete, and of a new start (`restart`) when a try failed. */
  readonly onBytes?: (lengthBytes: number) => void;
  readonly onRetry?: (error: unknown, delayMs: number) => void;
}

const attempts = 5;
const firstDelayMs = 250;
/** Without a byte for this long, the connection counts as dead. */
const idleTimeoutMs = 30_000;
const maxRedirects = 5;
/** Nothing that has no known size is larger than this. */
const maxUnknownBytes = 64 * 1024 * 1024;

const protocols = ["http:", "https:"];
let loaded: Promise<Clients> | undefined;

type Clients = Awaited<ReturnType<typeof loadClients>>;

/** Loading Node's HTTP clients takes longer than a plan that has nothing to fetch. */
async function loadClients() {
  const [http, https] = await Promise.all([import("node:http"), import("node:https")]);
  // `proxyEnv` (Node 24.5) makes the agents obey HTTP_PROXY, HTTPS_PROXY and NO_PROXY; older versions ignore it.
  const options = { keepAlive: true, maxSockets: 8, proxyEnv: process.env };
  const agents = { http: new http.Agent(options), https: new https.Agent(options) };
  return { requestHttp: http.request, requestHttps: https.request, agents };
}

/**
 * Fetches a URL into memory; retries what may pass. Pieces of a failed try are reported to `onBytes` as negative lengths when it is given up.
 *
 * @throws DownloadError
 */
export async function download(url: string, options: DownloadOptions): Promise<Buffer> {
  return await retry(
    { signal: options.signal, attempts, firstDelayMs, isPassing, ...(options.onRetry && { onRetry: options.onRetry }) },
    async () => {
      let doneBytes = 0;
      try {
        return await fetchOnce(url, options, (lengthBytes) => {
          doneBytes += lengthBytes;
          options.onBytes?.(lengthBytes);
        });
      } catch (error) {
        options.onBytes?.(-doneBytes);
        throw error;
      }
    },
  );
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof DownloadError)) return false;
  if (error.kind !== "status") return true;
  const { status = 0 } = error;
  return status >= 500 || status === 408 || status === 429;
}

async function fetchOnce(url: string, options: DownloadOptions, onBytes: (n: number) => void): Promise<Buffer> {
  const response = await open(url, options.signal);
  const announced = Number(response.headers["content-length"] ?? Number.NaN);
  const { sizeBytes } = options;
  const limitBytes = sizeBytes ?? maxUnknownBytes;
  const incomplete = (reason: string) => new DownloadError(url, "incomplete", reason);
  const target = Buffer.allocUnsafeSlow(sizeBytes ?? (announced <= limitBytes ? announced : 0));
  const pieces: Buffer[] = [];
  let doneBytes = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      if (doneBytes + piece.length > limitBytes)
        throw incomplete(`it is longer than the ${limitBytes} bytes it should be`);
      if (doneBytes + piece.length <= target.length) piece.copy(target, doneBytes);
      else pieces.push(piece);
      doneBytes += piece.length;
      onBytes(piece.length);
    }
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    options.signal.throwIfAborted();
    if (errnoOf(error) === "ECONNRESET" && doneBytes > 0)
      throw incomplete(`the connection ended after ${doneBytes} bytes`);
    throw new DownloadError(url, "network", reasonOf(error), { cause: error });
  } finally {
    response.destroy();
  }
  if (sizeBytes !== undefined && doneBytes !== sizeBytes)
    throw incomplete(`it has ${doneBytes} bytes, but should have ${sizeBytes}`);
  return pieces.length === 0
    ? target.subarray(0, doneBytes)
    : Buffer.concat([target.subarray(0, doneBytes - lengthOf(pieces)), ...pieces]);
}

async function open(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  let at = url;
  for (let redirects = 0; ; redirects++) {
    const response = await get(at, signal);
    const { statusCode: status = 0 } = response;
    if (status === 200) return response;
    response.resume();
    const location = response.headers.location;
    if (status < 300 || status >= 400 || location === undefined)
      throw new DownloadError(url, "status", `the server answered ${status}`, { status });
    if (redirects === maxRedirects) throw new DownloadError(url, "network", "it is redirected without end");
    const next = new URL(location, at);
    if (!protocols.includes(next.protocol))
      throw new DownloadError(url, "network", `it is redirected to ${next.protocol}`);
    at = next.href;
  }
}

async function get(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { protocol } = new URL(url);
  loaded ??= loadClients();
  const { requestHttp, requestHttps, agents } = await loaded;
  const options = {
    signal,
    timeout: idleTimeoutMs,
    headers: { "user-agent": "cloudimg", accept: "*/*" },
  };
  return await new Promise((resolve, reject) => {
    const request =
      protocol === "https:"
        ? requestHttps(url, { ...options, agent: agents.https })
        : requestHttp(url, { ...options, agent: agents.http });
    request.on("response", resolve);
    request.on("timeout", () => request.destroy(new Error(`nothing came for ${idleTimeoutMs / 1000} seconds`)));
    request.on("error", (error) => {
      reject(signal.aborted ? signal.reason : new DownloadError(url, "network", reasonOf(error), { cause: error }));
    });
    request.end();
  });
}

const reasons: Record<string, string> = {
  ENOTFOUND: "its host name is not known",
  EAI_AGAIN: "its host name cannot be looked up now",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "its host cannot be reached",
  ENETUNREACH: "its network cannot be reached",
};

function reasonOf(error: unknown): string {
  return (
    reasons[errnoOf(error) ?? ""] ?? (error instanceof Error && error.message !== "" ? error.message : String(error))
  );
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
