import type { Socket } from "node:net";

/** Opens a TCP connection. Rejects with an Error, or with the signal's reason. */
export type Dial = (endpoint: { readonly host: string; readonly port: number }, signal: AbortSignal) => Promise<Socket>;
