import { fail } from "../core/errors.ts";
import { readUserFile } from "../core/user-file.ts";

/** Options, type, key: sshd(8), AUTHORIZED_KEYS FILE FORMAT. */
const keyLine = /(^|\s)(ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]{40,}={0,2}(\s|$)/;

/** The lines of files with public keys, without comments. A private key must never get into an image or a config drive. Errors: `usage/file`. */
export function readPublicKeys(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const lines = readUserFile(path)
      .split("\n")
      .map((line) => line.trim());
    const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
    const wrong = lines.indexOf(keys.find((line) => !keyLine.test(line)) ?? "\n");
    if (wrong >= 0 || keys.length === 0)
      fail(
        "usage/file",
        `cannot take public keys from ${path}: ${wrong < 0 ? "it has none" : `line ${wrong + 1} is none`}`,
        {
          hint: "name the .pub file of a key pair, as ssh-keygen makes it",
        },
      );
    return keys;
  });
}
