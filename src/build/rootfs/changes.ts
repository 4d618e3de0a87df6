import { readAll, textSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { globMatcher } from "../../core/glob.ts";
import { nearNames } from "../../core/near-names.ts";
import { type FileNode, type Node, splitPath, type Tree } from "../../core/tree.ts";
import { mergeUsr } from "../../core/usr-merge.ts";
import type { Profile } from "../../profile/schema.ts";
import { findOwner } from "./accounts.ts";
import { forEachEntry } from "./collect-problems.ts";
import { readSource } from "./host-files.ts";
import type { LayersRequest } from "./overlays.ts";

type Change = Profile["changes"][number];

interface ChangesRequest extends LayersRequest {
  /** Whether all that should be in the tree is: false after errors that have been collected, so that none is told that only follows from them. */
  readonly isWhole?: boolean;
}

/** Text that is edited is held in memory, and a regular expression runs over all of it. */
const editableBytes = 16 * 1024 * 1024;

/**
 * Makes the profile's changes, in their order. Each must find what it changes: a change that has become pointless, since a package moved its file say, is told.
 *
 * Errors, of all entries: `profile/no-match`, `profile/no-source`, `profile/unknown-owner`.
 */
export function makeChanges(tree: Tree, changes: Profile["changes"], request: ChangesRequest): void {
  const { locate, isWhole = true } = request;
  forEachEntry(
    changes,
    (index) => locate(["changes", index, "path"]),
    (change, index) => {
      // What is not there may be what could not be put there.
      if (!isWhole && (change.remove === true || !tree.has(realPath(tree, change.path)))) return;
      if (change.remove === true) return removeAll(tree, change.path);
      forEachEntry(
        [change.path],
        () => (tree.has(realPath(tree, change.path)) ? locate(["changes", index, wayOf(change)]) : undefined),
        (path) => changeOne(tree, path, change, `profile changes[${index}]`, request),
      );
    },
  );
}

function wayOf({ edit, replace }: Change): string {
  return edit !== undefined ? "edit" : replace !== undefined ? "replace" : "path";
}

function removeAll(tree: Tree, pattern: string): void {
  const matches = globMatcher(mergeUsr(pattern, "keep top level"));
  const found = [...tree.entries()].map(([path]) => path).filter((path) => path !== "/" && matches(path));
  if (found.length === 0) noSuchPath(tree, pattern, "remove");
  for (const path of found) tree.remove(path);
}

function changeOne(tree: Tree, asWritten: string, change: Change, origin: string, request: LayersRequest): void {
  const { accounts, epochSeconds } = request;
  const path = realPath(tree, asWritten);
  const old = tree.get(path) ?? noSuchPath(tree, asWritten, "change");
  const { replace, edit, mode, user, group } = change;
  const owner = user === undefined || group === undefined ? {} : findOwner(accounts, user, group);
  if (old.type === "symlink" && replace === undefined && (edit !== undefined || mode !== undefined))
    fail("profile/no-match", `cannot change ${asWritten}: it is a symbolic link to ${old.target}`, {
      hint: "name the file that it leads to",
    });
  const changed = { ...old, ...owner, mode: mode ?? old.mode, mtime: epochSeconds, origin: `${origin}, ${old.origin}` };
  if (replace === undefined && edit === undefined) {
    tree.set(path, { ...changed, mtime: old.mtime }, { replace: true });
    return;
  }
  if (old.type !== "file" && old.type !== "symlink")
    fail("profile/no-match", `cannot change ${asWritten}: it is a ${old.type.replace("-", " ")}`, {
      hint: "only files have a content",
    });
  const content =
    edit !== undefined
      ? textSource(editText(textOf(old as FileNode, asWritten), edit, asWritten))
      : replace?.source !== undefined
        ? readSource(replace.source)
        : textSource(replace?.content ?? "");
  // A link that is replaced has no mode of its own to keep.
  const kept = old.type === "symlink" ? { ...changed, mode: mode ?? 0o644 } : changed;
  tree.set(path, { ...kept, type: "file", content } as Node, { replace: true });
}

/** With the links on the way to it followed, as whoever opens it would. */
function realPath(tree: Tree, path: string): string {
  const { dir, name } = splitPath(path);
  const real = tree.resolve(dir);
  return real === undefined ? path : `${real === "/" ? "" : real}/${name}`;
}

function textOf(node: FileNode, path: string): string {
  if (node.content.sizeBytes > editableBytes)
    fail("profile/no-match", `cannot edit ${path}: it is larger than 16 MiB`, { hint: "replace it, or use a hook" });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readAll(node.content));
  } catch (error) {
    fail("profile/no-match", `cannot edit ${path}: it is not UTF-8 text`, {
      hint: "replace it, or use a hook",
      cause: error,
    });
  }
}

function editText(text: string, { match, with: replacement, all }: NonNullable<Change["edit"]>, path: string): string {
  const count = [...text.matchAll(new RegExp(match, "gm"))].length;
  if (count === 0)
    fail("profile/no-match", `cannot edit ${path}: nothing in it matches ${match}`, {
      hint: "look at the file: its package may have changed it",
    });
  if (count > 1 && !all)
    fail("profile/no-match", `cannot edit ${path}: ${match} matches ${count} times`, {
      hint: 'say "all: true" to change each of them, or make the expression fit one only',
    });
  return text.replace(new RegExp(match, "gm"), replacement);
}

function noSuchPath(tree: Tree, path: string, verb: string): never {
  const { name } = splitPath(path);
  const paths = [...tree.entries()].map(([known]) => known);
  const near = [...new Set([...paths.filter((known) => known.endsWith(`/${name}`)), ...nearNames(path, paths)])];
  fail("profile/no-match", `cannot ${verb} ${path}: the image has no such path`, {
    hint: near.length > 0 ? `did you mean ${near.slice(0, 3).join(" or ")}?` : "remove the change",
  });
}
