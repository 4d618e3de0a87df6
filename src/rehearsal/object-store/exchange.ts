import { open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { errnoOf } from "../../core/errors.ts";
import type { StoreAnswer } from "./operation.ts";
import type { RequestBody } from "./receive.ts";
import { ConnectionCut, refuse, type StoreError } from "./store-error.ts";
import { xmlDocument } from "./xml-writer.ts";

/** One request on the wire, and its answer. */
export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** The request itself forgets it when it is done. */
  readonly socket: Socket;
  /** The client has sent `Expect: 100-continue`, and keeps its body back. */
  readonly isBodyKeptBack: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param cutAfterBytes cuts the connection then, or when the body ends */
export function bodyOf(
  exchange: Exchange,
  cutAfterBytes: number | undefined,
  onBytes: (count: number) => void,
): RequestBody {
  const { incoming, outgoing, isBodyKeptBack } = exchange;
  const length = incoming.headers["content-length"];
  return {
    lengthBytes: length === undefined ? undefined : Number(length),
    async *chunks() {
      if (isBodyKeptBack) outgoing.writeContinue();
      let seenBytes = 0;
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        seenBytes += chunk.length;
        onBytes(chunk.length);
        if (cutAfterBytes !== undefined && seenBytes >= cutAfterBytes) throw cut(exchange);
        yield chunk;
      }
      if (cutAfterBytes !== undefined) throw cut(exchange);
    },
  };
}

/** Cuts the connection, without an answer. */
export function cut({ socket }: Pick<Exchange, "socket">): ConnectionCut {
  socket.destroy();
  return new ConnectionCut();
}

/**
 * @param cutAfterBytes of the answer's body
 *
 * Errors: `NoSuchKey`, before anything is sent: somebody was quicker to delete the object
 */
export async function send(exchange: Exchange, answer: StoreAnswer, cutAfterBytes: number | undefined): Promise<void> {
  const { incoming, outgoing } = exchange;
  const { status, document, file } = answer;
  const headers: Record<string, string> = { ...exchange.headers, ...answer.headers };
  // A body that was not asked for, and now never comes, would be taken for the next request.
  if (exchange.isBodyKeptBack && !incoming.complete) headers["connection"] = "close";
  if (document !== undefined) {
    headers["content-type"] = "application/xml";
    headers["content-length"] = String(Buffer.byteLength(document));
  } else if (file === undefined && status !== 204 && status !== 304) headers["content-length"] ??= "0";
  if (incoming.method === "HEAD" || file === undefined || file.end < file.start) {
    if (cutAfterBytes !== undefined) throw cut(exchange);
    outgoing.writeHead(status, headers);
    outgoing.end(incoming.method === "HEAD" ? undefined : document);
    return;
  }
  const handle = await open(file.path).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    return refuse(404, "NoSuchKey", "The specified key does not exist.");
  });
  try {
    outgoing.writeHead(status, headers);
    const { start, end } = file;
    const source = handle.createReadStream({ start, end, highWaterMark: 256 << 10, autoClose: false });
    if (cutAfterBytes === undefined) return await pipeline(source, outgoing);
    let leftBytes = cutAfterBytes;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      const piece = chunk.subarray(0, leftBytes);
      await new Promise<void>((resolve) => outgoing.write(piece, () => resolve()));
      leftBytes -= piece.length;
      if (leftBytes === 0) break;
    }
    throw cut(exchange);
  } finally {
    await handle.close();
  }
}

/** A refusal, as all three stores write it. */
export function errorAnswer(error: StoreError, resource: string, requestId: string, host: string): StoreAnswer {
  const { status, code, message, details } = error;
  const document = xmlDocument("Error", [
    ["Code", code],
    ["Message", message],
    ...Object.entries(details),
    ["Resource", resource],
    ["RequestId", requestId],
    ["HostId", host],
  ]);
  return { status, document };
}
