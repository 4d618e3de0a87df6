import { connect, type Socket } from "node:net";
import { dialError } from "./internet.ts";
import type { PublicNetwork } from "./machine-maker.ts";
import type { Trouble } from "./troubles.ts";

export interface TroubleNetworkOptions {
  readonly troubles: ReadonlySet<Trouble>;
  /** Takes the instance back. */
  readonly reclaim: () => void;
  /** A loopback port where an ssh server listens that is none of ours. */
  readonly stranger: () => Promise<number>;
}

/** The network as one instance has it when it is in trouble; the same if it is in none. */
export function networkInTrouble(
  network: PublicNetwork,
  { troubles, reclaim, stranger }: TroubleNetworkOptions,
): PublicNetwork {
  return {
    attach(address, openPorts, connectTo) {
      // It runs, and nobody finds it.
      if (troubles.has("never-answers")) return () => {};
      return network.attach(address, openPorts, async (port, signal) => {
        if (troubles.has("spot-reclaimed")) {
          reclaim();
          throw dialError("ECONNRESET", `connection reset by ${address}:${port}`);
        }
        if (troubles.has("other-host-key") && port === 22) return await dialLoopback(await stranger(), signal);
        return await connectTo(port, signal);
      });
    },
  };
}

function dialLoopback(port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true, signal });
    socket.once("error", (error) => reject(signal.aborted ? signal.reason : error));
    socket.once("connect", () => resolve(socket));
  });
}
