import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf, fail } from "./errors.ts";

const reasons: Record<string, string> = {
  EEXIST: "something on the way is not a directory",
  ENOTDIR: "something on the way is not a directory",
  ENOENT: "something on the way does not exist and cannot be made",
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  EROFS: "its file system is read-only",
  ENAMETOOLONG: "its name is too long",
};

/**
 * Makes a directory to write in, with those above it, unless it is there. Node's own recursive `mkdir` never returns where a file system denies that its directories
 * exist, as /proc does.
 *
 * Errors: `host/not-writable`, `host/no-space`.
 */
export function makeDirectory(path: string, { hint, mode }: { readonly hint: string; readonly mode?: number }): void {
  try {
    make(path, mode);
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (["ENOSPC", "EDQUOT"].includes(errno))
      fail("host/no-space", `cannot make the directory ${path}: no space is left`, { hint, cause: error });
    const verb = isDirectory(path) ? "write in" : "make";
    const message = `cannot ${verb} the directory ${path}: ${reasons[errno] ?? errno}`;
    fail("host/not-writable", message, { hint, cause: error });
  }
}

function make(path: string, mode: number | undefined): void {
  const above = dirname(path);
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (isDirectory(path)) return;
    if (errnoOf(error) !== "ENOENT" || above === path || isDirectory(above)) throw error;
    make(above, mode);
    make(path, mode);
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
