import type { Context } from "../../core/context.ts";
import type { HuaweiClient } from "./client.ts";
import { HuaweiError } from "./vendor-error.ts";

/**
 * All that the console has: Nova's `os-getConsoleOutput`, which its reference calls obsolete, else its successor. Undefined where neither is
 * offered.
 */
export async function readConsole(client: HuaweiClient, id: string, context: Context): Promise<string | undefined> {
  const what = `read the console of ${id}`;
  const path = { server_id: id };
  const body = { "os-getConsoleOutput": { length: -1 } };
  const ways = [
    () => client.call<Output>("ecs.NovaGetConsoleOutput", { what, path, body, isRepeatable: true }, context),
    () => client.call<Output>("ecs.ShowServerConsoleOutput", { what, path, query: { length: -1 } }, context),
  ];
  for (const way of ways) {
    try {
      return (await way()).output;
    } catch (error) {
      if (!(error instanceof HuaweiError && (error.status === 404 || error.status === 405))) throw error;
    }
  }
  return undefined;
}

interface Output {
  readonly output?: string;
}
