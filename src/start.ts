import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { directoriesOf } from "./commands/environment.ts";

/**
 * Where the program begins: compiled sources are kept in the cache before all the rest is loaded, which saves a quarter of a second of processor
 * time at each start.
 */
export async function start(argv: readonly string[]): Promise<void> {
  enableCompileCache(join(directoriesOf(process.env).cache, "compiled"));
  const { main } = await import("./cli.ts");
  process.exitCode = await main(argv);
}

if (import.meta.main) await start(process.argv.slice(2));
