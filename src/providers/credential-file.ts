import { readFileSync } from "node:fs";
import { errnoOf, fail } from "../core/errors.ts";

/**
 * The text of a file that may hold credentials; undefined if there is none.
 *
 * Errors: `cloud/no-credentials`
 */
export function readCredentialFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    return fail("cloud/no-credentials", `cannot read ${path}: ${errnoOf(error)}`, { cause: error });
  }
}
