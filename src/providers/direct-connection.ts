import type { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { connect, type Socket } from "node:net";
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Connection, ServiceAddress } from "./connection.ts";
import type { Endpoint } from "./provider.ts";

/** Without an answer for this long, nobody is there: an instance that still boots may drop packets instead of refusing them. */
const dialTimeoutMs = 15_000;

/** As production reaches a cloud: by its public names, by https, by this host's clock. */
export const directConnection: Connection = {
  resolve: () => undefined,
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await sleepFor(ms, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
  dial,
};

async function dial({ host, port }: Endpoint, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = connect({ host, port, noDelay: true });
  return await new Promise((resolve, reject) => {
    const end = (error: unknown) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onAbort = () => end(signal.reason);
    const onConnect = () => {
      settle();
      resolve(socket);
    };
    const timer = setTimeout(() => {
      const reason = `no answer from ${host}:${port} for ${dialTimeoutMs / 1000} seconds`;
      end(Object.assign(new Error(reason), { code: "ETIMEDOUT" }));
    }, dialTimeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.off("connect", onConnect);
      socket.off("error", end);
    };
    signal.addEventListener("abort", onAbort);
    socket.on("connect", onConnect);
    socket.on("error", end);
  });
}

/**
 * An agent for the vendors' SDKs that leads each https request where its service really is. The URL, and so the Host header that the signature covers, stays
 * that of the service, without a port; only the connection goes elsewhere, in clear text where `resolve` says `http:`.
 */
export function httpAgent(connection: Pick<Connection, "resolve">): HttpsAgent {
  return new ResolvingAgent((host) => connection.resolve(host));
}

type Connect = HttpAgent["createConnection"];

class ResolvingAgent extends HttpsAgent {
  readonly #resolve: (host: string) => ServiceAddress | undefined;

  constructor(resolve: (host: string) => ServiceAddress | undefined) {
    // `proxyEnv` (Node 24.5) makes the agent obey HTTPS_PROXY and NO_PROXY; older versions ignore it.
    super({ keepAlive: true, proxyEnv: process.env });
    this.#resolve = resolve;
  }

  /** The certificate must still be that of the host that the request names: Node has put it into `servername`. */
  override createConnection(...[options, callback]: Parameters<Connect>): ReturnType<Connect> {
    const place = this.#resolve(options.host ?? options.hostname ?? "");
    if (place === undefined) return super.createConnection(options, callback);
    const { protocol, address: host, port } = place;
    if (protocol === "http:") return connect({ host, port: Number(port), noDelay: true });
    return super.createConnection({ ...options, host, port }, callback);
  }
}
