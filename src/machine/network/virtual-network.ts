import { createServer, type Server, type Socket } from "node:net";
import type { SocketNic } from "../nics.ts";
import { choosePort, type PortWish } from "../ports.ts";
import { realClock } from "./clock.ts";
import { makeEntrance } from "./entrance.ts";
import { routerMac } from "./link.ts";
import type { NetworkEvent, VirtualNetworkOptions } from "./options.ts";
import { startRouter } from "./router.ts";
import { startSwitch } from "./switch.ts";

/** An Ethernet link between machines, with a router that this process plays: no root is needed, and nothing of the host can be reached but what is named. */
export interface VirtualNetwork {
  /** A cable for a machine's network card. When the machine has ended, its next boot may use the same. */
  plug(mac: string): Promise<SocketNic>;
  /**
   * Opens a port on loopback that leads to a TCP port of a guest. Any address on the link will do; `linkLocalOf(mac)` is there as soon as the guest's card
   * is up, without any configuration. While nobody answers, connections wait; they fail after forty seconds.
   *
   * Errors: `host/port-in-use` if the one that is wished for must be it.
   */
  forward(guestAddress: string, guestPort: number, wish?: PortWish): Promise<number>;
  /**
   * Connects to a TCP port of a guest: when it resolves, the guest has taken the connection.
   *
   * @throws an Error with a `code`, ECONNREFUSED or, after forty seconds without an answer, ETIMEDOUT; the signal's reason
   */
  connect(guestAddress: string, guestPort: number, signal: AbortSignal): Promise<Socket>;
  /** What it has seen so far, oldest first: the last ten thousand. */
  events(): readonly NetworkEvent[];
  /** Ends it and all connections. Safe to call twice. */
  close(): Promise<void>;
}

const mostEvents = 10_000;

/**
 * Starts a virtual network. It ends when it is closed or `signal` is aborted; until then it does not keep the process alive by timers, only by its sockets.
 *
 * @throws RangeError if an option is not the address that it should be
 */
export async function startVirtualNetwork(
  options: VirtualNetworkOptions,
  signal: AbortSignal,
): Promise<VirtualNetwork> {
  signal.throwIfAborted();
  const clock = realClock();
  const events: NetworkEvent[] = [];
  const onEvent = (event: NetworkEvent) => {
    events.push(event);
    if (events.length > mostEvents) events.splice(0, mostEvents / 10);
  };
  const router = startRouter(options, clock, (frame) => link.send(frame), onEvent);
  const link = startSwitch(routerMac, (frame) => router.receive(frame));
  const entrance = makeEntrance();
  const forwards: Server[] = [];
  let closing: Promise<void> | undefined;
  const close = async () => {
    signal.removeEventListener("abort", onAbort);
    router.close();
    clock.close();
    // Each begins at once: whoever aborts may not wait.
    await Promise.all([
      link.close(),
      entrance.close(),
      ...forwards.map((server) => new Promise((resolve) => server.close(resolve))),
    ]);
  };
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };
  const onAbort = () => void closeOnce();
  signal.addEventListener("abort", onAbort);

  return {
    plug: async (mac) => ({ mac, socketPath: await link.plug() }),
    async forward(guestAddress, guestPort, wish = { port: 0 }) {
      const join = (socket: Socket) => router.join(socket, guestAddress, guestPort);
      for (const taken = new Set<number>(); ; ) {
        const port = await choosePort(wish, taken);
        const server = await listen(port, join);
        if (server !== undefined) {
          forwards.push(server);
          return port;
        }
        taken.add(port);
      }
    },
    connect: (guestAddress, guestPort, dialSignal) =>
      entrance.connect((socket, told) => router.join(socket, guestAddress, guestPort, told), dialSignal),
    events: () => events,
    close: closeOnce,
  };
}

/** Undefined if somebody else has the port by now. */
function listen(port: number, onSocket: (socket: Socket) => void): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, onSocket);
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => resolve(server));
  });
}
