import { readAll } from "../core/byte-source.ts";
import { CloudimgError } from "../core/errors.ts";
import { decodeName } from "../core/names.ts";
import type { Tree } from "../core/tree.ts";

/** An account of the image, passwd(5). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** Names of users and groups, by the image's own tables. */
export interface OwnerNames {
  user(uid: number): string | undefined;
  group(gid: number): string | undefined;
}

/** Larger than any table of accounts, and small enough to be read whole. */
const longestTextBytes = 16 * 1024 * 1024;

/** The content of a text file of the image; undefined if it is not there, is no file, is too long to be one of these, or cannot be read. */
export function readText(tree: Tree, path: string, longestBytes = longestTextBytes): string | undefined {
  const resolved = tree.resolve(path);
  const node = resolved === undefined ? undefined : tree.get(resolved);
  if (node?.type !== "file" || node.content.sizeBytes > longestBytes) return undefined;
  try {
    return decodeName(readAll(node.content));
  } catch (error) {
    // What is damaged is told where contents are compared or copied.
    if (error instanceof CloudimgError) return undefined;
    throw error;
  }
}

/** `/etc/passwd`, without lines that are none. */
export function readAccounts(tree: Tree): readonly Account[] {
  return fields(readText(tree, "/etc/passwd")).flatMap((parts) => {
    const [name, , uid, gid, , home = "", shell = ""] = parts;
    if (parts.length < 7 || !name || !/^\d+$/.test(uid ?? "")) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home, shell }];
  });
}

export function readOwnerNames(tree: Tree): OwnerNames {
  const users = new Map(readAccounts(tree).map(({ uid, name }) => [uid, name]));
  const groups = new Map(
    fields(readText(tree, "/etc/group")).map(([name = "", , gid]) => [Number(gid ?? Number.NaN), name]),
  );
  return { user: (uid) => users.get(uid), group: (gid) => groups.get(gid) };
}

/** Lines of fields between colons. */
export function fields(text: string | undefined): string[][] {
  return (text ?? "")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
