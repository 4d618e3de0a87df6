import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** How a connection to a guest went: it is there, or was refused, or nobody answered. */
export type JoinOutcome = "open" | "end" | "reset" | "timeout";

/** Where this process itself connects to guests. Nothing listens before the first connection. */
export interface Entrance {
  /**
   * A connection that is open at the guest's side too.
   *
   * @param join joins a socket with a guest's port, and tells how that went
   * @throws an Error with a `code`, ECONNREFUSED or ETIMEDOUT; the signal's reason
   */
  connect(join: (socket: Socket, told: (outcome: JoinOutcome) => void) => void, signal: AbortSignal): Promise<Socket>;
  close(): Promise<void>;
}

/** Node has no pairs of sockets: each is made over a port of loopback, and its halves find each other by the port number of one. */
export function makeEntrance(): Entrance {
  const arrived = new Map<number, Socket>();
  const awaited = new Map<number, (socket: Socket) => void>();
  let listening: Promise<Server> | undefined;
  let isClosed = false;
  const onSocket = (socket: Socket) => {
    const port = socket.remotePort as number;
    socket.on("close", () => arrived.delete(port));
    arrived.set(port, socket);
    awaited.get(port)?.(socket);
  };
  const pair = async (signal: AbortSignal): Promise<[ours: Socket, guests: Socket]> => {
    listening ??= listen(onSocket);
    const { port } = (await listening).address() as AddressInfo;
    const ours = connect({ host: "127.0.0.1", port, noDelay: true });
    try {
      await once(ours, "connect", { signal });
      const own = ours.localPort as number;
      const guests = arrived.get(own) ?? (await new Promise<Socket>((resolve) => awaited.set(own, resolve)));
      awaited.delete(own);
      return [ours, guests];
    } catch (error) {
      ours.destroy();
      signal.throwIfAborted();
      throw error;
    }
  };
  return {
    async connect(join, signal) {
      signal.throwIfAborted();
      if (isClosed) throw refusal("ECONNREFUSED", "the network has ended");
      const [ours, guests] = await pair(signal);
      const outcome = await new Promise<JoinOutcome | "aborted">((resolve) => {
        signal.addEventListener("abort", () => resolve("aborted"), { once: true });
        if (signal.aborted) resolve("aborted");
        ours.once("close", () => resolve("reset"));
        ours.on("error", () => {});
        join(guests, resolve);
      });
      if (outcome === "open") return ours;
      ours.destroy();
      guests.destroy();
      signal.throwIfAborted();
      if (outcome === "timeout") throw refusal("ETIMEDOUT", "nobody answers");
      throw refusal("ECONNREFUSED", "the connection is refused");
    },
    async close() {
      isClosed = true;
      const server = await listening;
      for (const socket of arrived.values()) socket.destroy();
      await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
    },
  };
}

function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

async function listen(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, onSocket);
  server.listen({ host: "127.0.0.1", port: 0, exclusive: true });
  await once(server, "listening");
  return server;
}
