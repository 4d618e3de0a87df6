import { createServer } from "node:http";
import type { Socket } from "node:net";
import { pipeline } from "node:stream";
import { errnoOf } from "../core/errors.ts";
import { listenOnLoopback } from "../core/listen-on-loopback.ts";
import type { Connection } from "../providers/connection.ts";

export interface ConnectProxy {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Ends it and every tunnel. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * An HTTP proxy (CONNECT, RFC 9110 §9.3.6) by which other processes get where `dial` leads. Who gets no answer there is told 504.
 *
 * Errors: `host/port-in-use`
 */
export async function startConnectProxy(
  dial: Connection["dial"],
  port: number,
  signal: AbortSignal,
): Promise<ConnectProxy> {
  const ending = new AbortController();
  const tunnels = new Set<Socket>();
  const server = createServer((_, answer) => answer.writeHead(405, { allow: "CONNECT" }).end("CONNECT only\n"));
  server.on("connect", (request, client: Socket, head: Buffer) => {
    tunnels.add(client);
    client.once("close", () => tunnels.delete(client));
    client.on("error", () => {});
    tunnel(dial, request.url ?? "", client, head, AbortSignal.any([ending.signal, signal])).catch(() =>
      client.destroy(),
    );
  });
  const heard = await listenOnLoopback(server, port, "serve");
  let closed: Promise<void> | undefined;
  return {
    port: heard,
    close() {
      ending.abort(new Error("the proxy ends"));
      closed ??= new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        // What has become a tunnel is no connection of the server's any more.
        for (const socket of tunnels) socket.destroy();
      });
      return closed;
    },
  };
}

async function tunnel(
  dial: Connection["dial"],
  target: string,
  client: Socket,
  head: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const refuse = (status: string) => client.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(target) ?? [];
  if (host === undefined || port === undefined) return void refuse("400 Bad Request");
  const gone = new AbortController();
  client.once("close", () => gone.abort(new Error("the client has gone")));
  let machine: Socket;
  try {
    machine = await dial({ host, port: Number(port) }, AbortSignal.any([signal, gone.signal]));
  } catch (error) {
    return void refuse(errnoOf(error) === "ETIMEDOUT" ? "504 Gateway Timeout" : "502 Bad Gateway");
  }
  client.write("HTTP/1.1 200 Connection established\r\n\r\n");
  if (head.length > 0) machine.write(head);
  // Each direction ends on its own, as with a TCP connection: who has sent all may still wait for the answer.
  pipeline(client, machine, () => {});
  pipeline(machine, client, () => {});
}
