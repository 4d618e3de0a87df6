import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listenOnLoopback } from "../core/listen-on-loopback.ts";

/** Of the request's line and headers: Alibaba's SDK sends 32 KiB of user data, in base64, in the query. */
const mostHeaderBytes = 128 * 1024;

/**
 * A request exactly as it was sent, for signatures cover bytes. Each character of its strings is one byte of the wire (latin1).
 */
export interface WireRequest {
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly path: string;
  /** What follows the `?`, still encoded; empty if nothing does. */
  readonly query: string;
  /** The Host header, with the port if the client sent it. */
  readonly host: string;
  /** Names and values in their order and case, repeated ones as often as they were sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Without the transfer encoding, with any content encoding. */
  readonly body: Buffer;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream needs a `content-length` among the headers, else it is sent in chunks. An answer to HEAD is sent without it. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** `drop`: the connection is cut instead of an answer. The signal is aborted when the client has gone, or the server ends. */
export type WireHandler = (request: WireRequest, signal: AbortSignal) => Promise<WireAnswer | "drop">;

export interface WireServer {
  /** On 127.0.0.1. */
  readonly port: number;
  /** What handlers have thrown: defects of ours, answered with 500. */
  defects(): readonly unknown[];
  /** Ends it and every connection. Safe to call twice. */
  close(): Promise<void>;
}

export interface WireServerOptions {
  /** 0 or absent: the system chooses. */
  readonly port?: number | undefined;
  /** A longer body is answered with 413, and the connection ends. Default: 256 MiB. */
  readonly mostBodyBytes?: number | undefined;
}

/**
 * Serves HTTP on loopback, all hosts alike: the handler tells them apart. Ends when it is closed or `signal` is aborted.
 *
 * Errors: `host/port-in-use`
 */
export async function startHttpServer(
  handler: WireHandler,
  { port = 0, mostBodyBytes = 256 << 20 }: WireServerOptions,
  signal: AbortSignal,
): Promise<WireServer> {
  signal.throwIfAborted();
  const defects: unknown[] = [];
  const ending = new AbortController();
  const server = createServer({ maxHeaderSize: mostHeaderBytes }, (incoming, outgoing) => {
    serve(handler, incoming, outgoing, mostBodyBytes, ending.signal).catch((error: unknown) => {
      // A client that went away is no defect, nor is work that was told to end.
      if (outgoing.destroyed || incoming.socket.destroyed || ending.signal.aborted) return;
      defects.push(error);
      if (outgoing.headersSent) incoming.socket.destroy();
      else outgoing.writeHead(500).end("the rehearsal failed: a defect of cloudimg");
    });
  });
  // A kept connection that the server ends just as the client uses it again would look like a fault.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const heard = await listenOnLoopback(server, port, "serve");
  let closed: Promise<void> | undefined;
  const close = () => {
    signal.removeEventListener("abort", close);
    ending.abort(signal.aborted ? signal.reason : new Error("the rehearsal's server ends"));
    closed ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return closed;
  };
  signal.addEventListener("abort", close);
  if (signal.aborted) await close();
  return { port: heard, defects: () => defects, close };
}

/** The values of all headers of that name, whatever its case, joined as HTTP says (RFC 9110 §5.3); undefined if there is none. */
export function headerOf(request: Pick<WireRequest, "headers">, name: string): string | undefined {
  const wanted = name.toLowerCase();
  const values = request.headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(",");
}

async function serve(
  handler: WireHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  mostBodyBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const body = await readBody(incoming, mostBodyBytes);
  if (body === undefined) {
    outgoing.writeHead(413, { connection: "close" }).end();
    return;
  }
  const request = wireRequest(incoming, body);
  if (request === undefined) {
    outgoing.writeHead(400, { connection: "close" }).end();
    return;
  }
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const answer = await handler(request, AbortSignal.any([gone.signal, signal]));
  if (answer === "drop") {
    incoming.socket.destroy();
    return;
  }
  await send(answer, request.method, outgoing);
}

async function send({ status, headers = {}, body = "" }: WireAnswer, method: string, outgoing: ServerResponse) {
  if (typeof body === "string" || body instanceof Uint8Array) {
    const hasNone = status === 204 || status === 304;
    const length = hasNone ? {} : { "content-length": String(Buffer.byteLength(body)) };
    outgoing.writeHead(status, { ...length, ...headers });
    outgoing.end(method === "HEAD" || hasNone ? undefined : body);
    return;
  }
  outgoing.writeHead(status, headers);
  if (method !== "HEAD") {
    for await (const chunk of body) {
      if (!outgoing.write(chunk)) await drained(outgoing);
      if (outgoing.destroyed) return;
    }
  }
  outgoing.end();
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.destroyed) return resolve();
    const done = () => {
      outgoing.off("drain", done).off("close", done);
      resolve();
    };
    outgoing.on("drain", done).on("close", done);
  });
}

/** Undefined if it is longer than allowed. Rejects when the client cuts it short. */
async function readBody(incoming: IncomingMessage, mostBytes: number): Promise<Buffer | undefined> {
  if (Number(incoming.headers["content-length"] ?? 0) > mostBytes) return undefined;
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > mostBytes) return undefined;
    parts.push(part);
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts, length);
}

/** Undefined if its target is none that a server is asked for (RFC 9112 §3.2: a path, or a whole URL as a proxy is asked). */
function wireRequest(incoming: IncomingMessage, body: Buffer): WireRequest | undefined {
  const { method = "GET", url = "", rawHeaders } = incoming;
  const target = url.replace(/^https?:\/\/[^/?]*(?=\/)/i, "");
  if (!target.startsWith("/")) return undefined;
  const mark = target.indexOf("?");
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    headers.push([rawHeaders[at] as string, rawHeaders[at + 1] as string]);
  }
  return {
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    host: incoming.headers.host ?? "",
    headers,
    body,
  };
}
