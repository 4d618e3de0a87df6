import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server as NetServer } from "node:net";
import ssh2, { type ServerChannel } from "ssh2";

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

export interface SshServerOptions {
  /** Port to listen on. Default: any. */
  readonly port?: number;
  /** Private host keys. */
  readonly hostKeys: readonly string[];
  /** The public key that may log in, as a line; or several, or none. */
  readonly authorizedKey: string | readonly string[];
  /** Answers a command; by default says what it was told to. */
  readonly onCommand?: (command: string, channel: ServerChannel) => void;
}

/** A real ssh server on loopback: the server half of ssh2. */
export async function startSshServer(options: SshServerOptions): Promise<Listening & { connections(): number }> {
  const allowed = [options.authorizedKey].flat().map((line) => {
    const key = ssh2.utils.parseKey(line);
    if (key instanceof Error) throw key;
    return key;
  });
  const clients = new Set<{ end(): void }>();
  let connections = 0;
  const server = new ssh2.Server({ hostKeys: [...options.hostKeys] }, (client) => {
    connections++;
    clients.add(client);
    client.on("error", () => {});
    client.on("close", () => clients.delete(client));
    client.on("authentication", (request) => {
      if (request.method !== "publickey") return request.reject();
      const key = allowed.find((each) => request.key.data.equals(each.getPublicSSH()));
      if (key === undefined) return request.reject();
      if (request.signature === undefined || request.blob === undefined) return request.accept();
      if (key.verify(request.blob, request.signature, request.hashAlgo) === true) request.accept();
      else request.reject();
    });
    client.on("session", (accept) => {
      accept().on("exec", (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        (options.onCommand ?? answer)(command, channel);
      });
    });
  });
  await listen(server as unknown as NetServer, options.port ?? 0);
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const client of clients) client.end();
      await closed;
    },
  };
}

/** `say TEXT` prints it; `exit N` ends with N; `abort` ends by a signal. */
function answer(command: string, channel: ServerChannel): void {
  const [verb, ...rest] = command.split(" ");
  if (verb === "say") channel.write(`${rest.join(" ")}\n`);
  if (verb === "abort") channel.exit("ABRT", false, "");
  else {
    if (verb === "exit") channel.stderr.write("that went wrong\n");
    channel.exit(verb === "exit" ? Number(rest[0]) : 0);
  }
  channel.end();
}

export async function startHttpServer(
  onRequest: RequestListener,
  options: { port?: number; tls?: { key: string; cert: string } } = {},
): Promise<Listening> {
  const server = options.tls === undefined ? createServer(onRequest) : createTlsServer(options.tls, onRequest);
  await listen(server, options.port ?? 0);
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: NetServer, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}
