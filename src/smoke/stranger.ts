import type { AddressInfo } from "node:net";
import { makeRunKey } from "./run-key.ts";

/** An ssh server on 127.0.0.1 that is not the one that was meant. */
export interface SshStranger {
  readonly port: number;
  close(): Promise<void>;
}

/** With a host key that nobody has told of. It would let everybody in, to see what they send. */
export async function startSshStranger(): Promise<SshStranger> {
  const { Server } = (await import("ssh2")).default;
  const { privateKey } = await makeRunKey("stranger");
  const connections = new Set<{ end(): unknown }>();
  const server = new Server({ hostKeys: [privateKey] }, (client) => {
    connections.add(client);
    client.on("close", () => connections.delete(client));
    // Who finds the wrong key goes away in the middle of the handshake.
    client.on("error", () => {});
    client.on("authentication", (asked) => asked.accept());
    client.on("session", (accept) => {
      accept().on("exec", (acceptExec) => {
        const channel = acceptExec();
        channel.exit(0);
        channel.end();
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        for (const connection of connections) connection.end();
        server.close(() => resolve());
      }),
  };
}
