import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Context } from "../core/context.ts";
import { keptRunKey } from "../providers/journal-key.ts";
import { readPublicKeys } from "./public-keys.ts";

/** Who may log in to an instance. */
interface Login {
  readonly publicKeyLine: string;
  /** Further lines of the same kind. */
  readonly more: readonly string[];
  /** Of a key that was made for it. */
  readonly privateKey?: string | undefined;
  /** Of the first key, if ssh would not find it by itself. */
  readonly path?: string | undefined;
}

/** The same for the same directory of a run. */
export type LoginKeys = (directory: string) => Promise<Login>;

/** Names that ssh(1) tries by itself. */
const usual = ["id_ed25519.pub", "id_rsa.pub"];

/** The keys of these files; else the user's own; else one that is made, and kept in the run's directory. Errors: `usage/file`. */
export function loginKeys(
  paths: readonly string[] | undefined,
  { environment }: Pick<Context, "environment">,
): LoginKeys {
  const home = environment["HOME"] || homedir();
  const own = usual.map((name) => join(home, ".ssh", name)).filter((path) => existsSync(path));
  const chosen = paths ?? own.slice(0, 1);
  const [publicKeyLine, ...more] = readPublicKeys(chosen);
  if (publicKeyLine !== undefined) {
    const path = chosen[0]?.replace(/\.pub$/, "");
    const isFound = path === undefined || own.includes(`${path}.pub`) || !existsSync(path);
    return async () => ({ publicKeyLine, more, path: isFound ? undefined : path });
  }
  return async (directory) => {
    const { privateKey, publicKeyLine: line } = await keptRunKey(directory);
    return { publicKeyLine: line, more: [], privateKey };
  };
}
