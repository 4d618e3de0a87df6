import type { Socket } from "node:net";
import type { Endpoint } from "./provider.ts";

/** Where a service really is. */
export interface ServiceAddress {
  readonly protocol: "http:" | "https:";
  /** To connect to; the request still names the service's own host, which its signature covers. */
  readonly address: string;
  readonly port: number;
}

/**
 * How a cloud, and what runs in it, is reached. A rehearsal brings a connection of its own, and nothing else: the providers cannot tell the difference.
 */
export interface Connection {
  /** Undefined: where DNS says, by https. */
  resolve(host: string): ServiceAddress | undefined;
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** A TCP connection to an instance's public address. Rejects with an Error that has a `code`. */
  dial(endpoint: Endpoint, signal: AbortSignal): Promise<Socket>;
}
