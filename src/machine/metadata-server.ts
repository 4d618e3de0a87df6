import { createServer } from "node:http";
import { listenOnLoopback } from "../core/listen-on-loopback.ts";

/** Answers one request for metadata. Header names are in lower case; the path has its query, if any. Pure: it may be asked the same again. */
export type MetadataResponder = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
) => MetadataAnswer;

export interface MetadataAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface ServedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;
}

export interface MetadataServer {
  /** On 127.0.0.1. */
  readonly port: number;
  /** What has been asked so far, oldest first: the last thousand. */
  requests(): readonly ServedRequest[];
  /** Ends it and every connection. Safe to call twice. */
  close(): Promise<void>;
}

const mostRequests = 1000;
/** Metadata is asked for, a token is put; nobody sends more. */
const largestBodyBytes = 1 << 20;

/**
 * Serves metadata on loopback, for guests that QEMU leads there. Ends when it is closed or `signal` is aborted.
 *
 * @param options.port 0 or absent: the system chooses
 *
 * Errors: `host/port-in-use`
 */
export async function startMetadataServer(
  responder: MetadataResponder,
  {
    port = 0,
    onRequest,
  }: { readonly port?: number | undefined; readonly onRequest?: (request: ServedRequest) => void },
  signal: AbortSignal,
): Promise<MetadataServer> {
  signal.throwIfAborted();
  const requests: ServedRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    let length = 0;
    incoming.on("data", (part: Buffer) => {
      length += part.length;
      if (length > largestBodyBytes) incoming.destroy();
    });
    incoming.on("end", () => {
      const { method = "GET", url = "/" } = incoming;
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [name, String(value ?? "")]),
      );
      const { status, headers: own, body } = responder(method, url, headers);
      const served = { method, path: url, headers, status };
      requests.push(served);
      if (requests.length > mostRequests) requests.shift();
      onRequest?.(served);
      outgoing.writeHead(status, { ...own, "content-length": Buffer.byteLength(body) });
      outgoing.end(method === "HEAD" ? undefined : body);
    });
  });
  const heard = await listenOnLoopback(server, port, "serve metadata");
  const close = () =>
    new Promise<void>((resolve) => {
      signal.removeEventListener("abort", close);
      server.close(() => resolve());
      server.closeAllConnections();
    });
  signal.addEventListener("abort", close, { once: true });
  return { port: heard, requests: () => requests, close };
}
