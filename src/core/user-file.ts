import { readFileSync, statSync } from "node:fs";
import { errnoOf, fail } from "./errors.ts";

const reasons: Record<string, string> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EACCES: "you may not read it",
  ERR_ENCODING_INVALID_ENCODED_DATA: "it is not UTF-8 text",
};

/**
 * Text of a file that a user named on the command line. Errors: `usage/file`.
 *
 * @param mostBytes whoever reads it in the end takes no more
 */
export function readUserFile(path: string, mostBytes = Infinity): string {
  const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (sizeBytes > mostBytes)
    fail("usage/file", `cannot use ${path}: it has ${sizeBytes} bytes, and at most ${mostBytes} are read`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const errno = errnoOf(error) ?? String(error);
    fail("usage/file", `cannot read ${path}: ${reasons[errno] ?? errno}`, { cause: error });
  }
}
