import type { IncomingHttpHeaders } from "node:http";
import type { Connection } from "../connection.ts";
import { httpAgent } from "../direct-connection.ts";

export interface HttpRequest {
  readonly method: string;
  readonly host: string;
  /** With the query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Without a byte for this long, the connection counts as dead. */
const idleTimeoutMs = 60_000;
const mostAnswerBytes = 64 << 20;

/**
 * One request, to where the connection says that the host is. Rejects with Node's own errors, with `code` ETIMEDOUT when nothing comes for a minute,
 * with the signal's reason.
 */
export async function send(request: HttpRequest, connection: Connection, signal: AbortSignal): Promise<HttpAnswer> {
  // Loaded when the first request is made: a verb that needs no cloud does not pay for it.
  const { request: requestHttps } = await import("node:https");
  signal.throwIfAborted();
  const { method, target: path, body, host } = request;
  const outgoing = requestHttps({
    host,
    method,
    path,
    signal,
    agent: httpAgent(connection),
    headers: {
      ...request.headers,
      host,
      "content-length": String(Buffer.byteLength(body)),
      // One that is kept, and that the service ends just as it is used again, would look like a fault: nobody would know whether a POST had arrived.
      connection: "close",
    },
  });
  return await new Promise<HttpAnswer>((resolve, reject) => {
    outgoing.setTimeout(idleTimeoutMs, () =>
      outgoing.destroy(Object.assign(new Error(`nothing for ${idleTimeoutMs / 1000} s`), { code: "ETIMEDOUT" })),
    );
    outgoing.on("error", (error) => reject(signal.aborted ? signal.reason : error));
    outgoing.on("response", (incoming) => {
      const pieces: Buffer[] = [];
      let length = 0;
      incoming.on("data", (piece: Buffer) => {
        length += piece.length;
        if (length > mostAnswerBytes) incoming.destroy(new Error("the answer does not end"));
        pieces.push(piece);
      });
      // Of an answer that is cut short.
      incoming.on("error", (error) => reject(signal.aborted ? signal.reason : error));
      incoming.on("end", () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(pieces).toString(),
        }),
      );
    });
    outgoing.end(body);
  });
}
