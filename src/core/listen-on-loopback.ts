import type { AddressInfo, Server } from "node:net";
import { errnoOf, fail } from "./errors.ts";

/**
 * Lets a server listen on 127.0.0.1, and nowhere else.
 *
 * @param port 0: the system chooses
 * @param what what cannot be done without the port, for the error: `serve metadata`
 * @returns the port
 *
 * Errors: `host/port-in-use`
 */
export async function listenOnLoopback(server: Server, port: number, what: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port, exclusive: true }, resolve);
  }).catch((cause: unknown) => {
    if (errnoOf(cause) !== "EADDRINUSE" && errnoOf(cause) !== "EACCES") throw cause;
    const why = errnoOf(cause) === "EACCES" ? "this user may not have it" : "another program on this host uses it";
    fail("host/port-in-use", `cannot ${what} on port ${port}: ${why}`, {
      hint: "choose another port with --port, or leave it out",
      cause,
    });
  });
  return (server.address() as AddressInfo).port;
}
