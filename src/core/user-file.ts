import { readFileSync } from "node:fs";
import { errnoOf, fail } from "./errors.ts";

const reasons: Record<string, string> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EACCES: "you may not read it",
};

/** Text of a file that a user named on the command line. Errors: `usage/file`. */
export function readUserFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const errno = errnoOf(error) ?? String(error);
    fail("usage/file", `cannot read ${path}: ${reasons[errno] ?? errno}`, { cause: error });
  }
}
