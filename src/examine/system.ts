import type { Tree } from "../core/tree.ts";
import { parseOsRelease } from "./os-release.ts";
import { type Account, fields, readAccounts, readText } from "./owners.ts";
import { joinPath } from "./paths.ts";

/** An account that somebody could log in with. No secret is told: only that there is one. */
export interface LoginAccount extends Account {
  /** `empty` lets anybody in who may use a password at all. */
  readonly password: "none" | "set" | "empty";
  /** How many lines its authorized_keys has. */
  readonly keys: number;
}

/** What a root file system says of itself. */
export interface SystemFacts {
  readonly osRelease: Readonly<Record<string, string>>;
  readonly hostname: string | undefined;
  readonly logins: readonly LoginAccount[];
  /** An image that has them gives them to every instance. */
  readonly sshHostKeys: readonly string[];
  readonly machineId: "absent" | "empty" | "set";
}

export function readSystem(tree: Tree): SystemFacts {
  return {
    osRelease: parseOsRelease(readText(tree, "/etc/os-release") ?? readText(tree, "/usr/lib/os-release") ?? ""),
    hostname: readText(tree, "/etc/hostname")
      ?.split("\n")
      .map((line) => line.trim())
      .find((line) => line !== "" && !line.startsWith("#")),
    logins: readLogins(tree),
    sshHostKeys: ["/etc/ssh", "/etc/dropbear"].flatMap((directory) =>
      tree
        .list(tree.resolve(directory) ?? directory)
        .filter((name) => /^(ssh_host_.*_key|dropbear_.*_host_key)$/.test(name))
        .map((name) => joinPath(directory, name)),
    ),
    machineId: machineIdOf(readText(tree, "/etc/machine-id")),
  };
}

function readLogins(tree: Tree): LoginAccount[] {
  const hashes = new Map(fields(readText(tree, "/etc/shadow")).map(([name = "", hash = ""]) => [name, hash]));
  const inPasswd = new Map(fields(readText(tree, "/etc/passwd")).map(([name = "", hash = ""]) => [name, hash]));
  return readAccounts(tree)
    .map((account) => {
      const own = inPasswd.get(account.name) ?? "";
      const hash = own === "x" ? (hashes.get(account.name) ?? "*") : own;
      // Anything that is no hash locks: `*`, `!`, or a hash with `!` before it.
      const password = hash === "" ? ("empty" as const) : /^[!*]/.test(hash) || hash.length < 8 ? "none" : "set";
      return { ...account, password, keys: countKeys(tree, account.home) } satisfies LoginAccount;
    })
    .filter(({ password, keys }) => password !== "none" || keys > 0);
}

function countKeys(tree: Tree, home: string): number {
  if (!home.startsWith("/")) return 0;
  return ["authorized_keys", "authorized_keys2"]
    .flatMap((name) => (readText(tree, `${home}/.ssh/${name}`) ?? "").split("\n"))
    .filter((line) => /^\s*[^#\s]/.test(line)).length;
}

/** systemd takes `uninitialized` for an empty one, machine-id(5). */
function machineIdOf(text: string | undefined): SystemFacts["machineId"] {
  if (text === undefined) return "absent";
  return /^[0-9a-f]{32}\s*$/.test(text) ? "set" : "empty";
}
