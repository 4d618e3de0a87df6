import { createServer } from "node:net";
import { fail } from "../core/errors.ts";

/** A port on loopback that someone would like to have. 0 leaves the choice to the system. */
export interface PortWish {
  readonly port: number;
  /** Take this one or none. */
  readonly fixed?: boolean | undefined;
}

/**
 * A port for a wish that is free at this moment. It may be taken before it is used; then ask again with what was learnt in `avoid`.
 *
 * Errors: `host/port-in-use` if a fixed one is taken.
 */
export async function choosePort(wish: PortWish, avoid: ReadonlySet<number> = new Set()): Promise<number> {
  if (wish.port !== 0 && !avoid.has(wish.port) && (await bindable(wish.port)) !== undefined) return wish.port;
  if (wish.fixed === true && wish.port !== 0)
    fail("host/port-in-use", `cannot forward port ${wish.port}: another program on this host uses it`, {
      hint: "end that program, or choose another port (0 takes any that is free)",
    });
  for (;;) {
    const port = await bindable(0);
    if (port !== undefined && !avoid.has(port)) return port;
  }
}

/** Binds a port on loopback and lets it go again. Undefined if it is not to be had. */
function bindable(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}
