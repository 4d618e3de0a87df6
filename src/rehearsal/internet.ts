import type { Connection } from "../providers/connection.ts";
import { directConnection } from "../providers/direct-connection.ts";
import type { PublicNetwork } from "./machine-maker.ts";

/** The emulated internet, as who runs it sees it. */
export interface Internet extends PublicNetwork {
  /**
   * Says that an instance has that address, whether anybody answers there or not.
   *
   * @returns takes it back
   */
  assign(address: string): () => void;
  /** As a client on the internet connects. */
  readonly dial: Connection["dial"];
}

type Attached =
  Parameters<PublicNetwork["attach"]> extends [unknown, infer Ports, infer Connect]
    ? { readonly openPorts: Ports; readonly connect: Connect }
    : never;

/** Who gets no answer gives up after that long. Nobody waits longer than it takes to see that. */
const noAnswerMs = 3_000;

/** Addresses that nobody has are unreachable; ports that a security group keeps shut, and machines that are not there yet, do not answer. */
export function makeInternet(): Internet {
  /** How many have said so. */
  const assigned = new Map<string, number>();
  const machines = new Map<string, Attached>();
  return {
    assign(address) {
      assigned.set(address, (assigned.get(address) ?? 0) + 1);
      return once(() => {
        const left = (assigned.get(address) ?? 1) - 1;
        if (left > 0) assigned.set(address, left);
        else assigned.delete(address);
      });
    },
    attach(address, openPorts, connect) {
      const machine: Attached = { openPorts, connect };
      machines.set(address, machine);
      return () => {
        if (machines.get(address) === machine) machines.delete(address);
      };
    },
    async dial({ host, port }, signal) {
      signal.throwIfAborted();
      const machine = machines.get(host);
      if (machine?.openPorts.includes(port)) return await machine.connect(port, signal);
      if (machine === undefined && !assigned.has(host))
        throw dialError("EHOSTUNREACH", `no route to ${host}:${port}: no instance has that address`);
      await directConnection.sleep(noAnswerMs, signal);
      throw dialError("ETIMEDOUT", `no answer from ${host}:${port} for ${noAnswerMs / 1000} seconds`);
    },
  };
}

/** An error as the operating system's are: with a code. */
export function dialError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work();
  };
}
