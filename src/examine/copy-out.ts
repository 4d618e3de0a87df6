import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { readAll } from "../core/byte-source.ts";
import { CloudimgError, errnoOf, fail, type Problem } from "../core/errors.ts";
import { encodeName } from "../core/names.ts";
import { emitSource, writeAt } from "../core/output.ts";
import type { FileNode, Node } from "../core/tree.ts";
import type { CopyStep } from "./copy-plan.ts";

export interface CopyOptions {
  /** Replace what is there. Directories are joined. */
  readonly force: boolean;
  /** Root can give files to others. */
  readonly isRoot: boolean;
  readonly signal: AbortSignal;
  readonly progress?: (doneBytes: number, totalBytes: number) => void;
}

/** What was made, and what of the image's files the host's do not have. */
export interface Copied {
  files: number;
  directories: number;
  links: number;
  bytes: number;
  /** Paths of devices, FIFOs and sockets. */
  readonly leftOut: string[];
  /** How many have another owner here. */
  otherOwners: number;
  /** How many are without set-id bits here. */
  withoutSetId: number;
  withoutXattrs: number;
}

/** What is copied through memory at once. */
const smallBytes = 256 * 1024;

/**
 * Makes what was planned. Nothing is written through a link that was copied, since links come last; nothing that is there is replaced unless forced. What cannot
 * be read is left out, and told at the end.
 *
 * Errors: `usage/exists`, `host/…`, and all `image/damaged` of the contents.
 */
export async function copyOut(steps: readonly CopyStep[], options: CopyOptions): Promise<Copied> {
  const { force, signal } = options;
  const copied: Copied = {
    ...{ files: 0, directories: 0, links: 0, bytes: 0, otherOwners: 0, withoutSetId: 0, withoutXattrs: 0 },
    leftOut: [],
  };
  const problems: Problem[] = [];
  const firstOf = new Map<Node, Buffer>();
  const totalBytes = steps.reduce((sum, { node }) => sum + (node.type === "file" ? dataBytes(node) : 0), 0);
  for (const step of steps) checkFree(step, force);
  for (const step of steps) {
    const { node, target } = step;
    signal.throwIfAborted();
    if (node.type === "directory") makeDirectory(step);
    else if (node.type === "file") {
      const first = firstOf.get(node);
      try {
        if (first !== undefined) link(step, first, force);
        else await copyFile(step, node, options);
      } catch (error) {
        if (!(error instanceof CloudimgError) || !error.code.startsWith("image/")) throw error;
        problems.push(
          ...error.problems.map((problem) => ({ ...problem, message: `${step.path}: ${problem.message}` })),
        );
        continue;
      }
      if (first === undefined) {
        copied.bytes += dataBytes(node);
        countLosses(copied, node, options);
      }
      firstOf.set(node, target);
      copied.files++;
      options.progress?.(copied.bytes, totalBytes);
    } else if (node.type !== "symlink") copied.leftOut.push(step.path);
  }
  for (const step of steps) if (step.node.type === "symlink" && makeLink(step, options)) copied.links++;
  for (const step of steps.toReversed()) {
    if (step.node.type !== "directory") continue;
    finishDirectory(step, options);
    countLosses(copied, step.node, options);
    copied.directories++;
  }
  const [first, ...rest] = problems;
  if (first !== undefined) throw new CloudimgError([first, ...rest]);
  return copied;
}

function checkFree({ path, target, node }: CopyStep, force: boolean): void {
  const there = lstat(target);
  if (there === undefined) return;
  // A root goes into the directory that was named.
  if (path === "/" && lstat(Buffer.concat([target, Buffer.from("/.")]))?.isDirectory() === true) return;
  if (!force)
    fail("usage/exists", `cannot copy to ${target}: it is there already`, { hint: "give --force to replace it" });
  const isDirectory = there.isDirectory();
  if (isDirectory !== (node.type === "directory"))
    fail(
      "usage/exists",
      `cannot copy to ${target}: there is ${isDirectory ? "a directory" : "something else"} already`,
      {
        hint: "remove it, or copy to another place",
      },
    );
}

/** A directory that only we can use while it is filled. */
function makeDirectory({ target }: CopyStep): void {
  explained(target, () => {
    if (lstat(target) === undefined) mkdirSync(target, 0o700);
  });
}

async function copyFile({ target }: CopyStep, node: FileNode, options: CopyOptions): Promise<void> {
  const { content } = node;
  const small = content.sizeBytes <= smallBytes && content.extents.length > 0 ? readAll(content) : undefined;
  const fd = explained(target, () => {
    if (options.force) rmSync(target, { force: true });
    return openSync(target, "wx", 0o600);
  });
  let isWhole = false;
  try {
    if (small !== undefined) explained(target, () => writeAt(fd, small, 0));
    else if (content.extents.length === 0) ftruncateSync(fd, content.sizeBytes);
    else await emitSource(content, fd, { signal: options.signal });
    if (options.isRoot) fchownSync(fd, node.uid, node.gid);
    fchmodSync(fd, modeOf(node, options));
    futimesSync(fd, node.mtime, node.mtime);
    isWhole = true;
  } catch (error) {
    throw explain(target, error);
  } finally {
    closeSync(fd);
    if (!isWhole) rmSync(target, { force: true });
  }
}

function link({ target }: CopyStep, first: Buffer, force: boolean): void {
  explained(target, () => {
    if (force) rmSync(target, { force: true });
    linkSync(first, target);
  });
}

function makeLink({ target, node }: CopyStep, { force, isRoot }: CopyOptions): boolean {
  if (node.type !== "symlink") return false;
  return explained(target, () => {
    if (force) rmSync(target, { force: true });
    symlinkSync(Buffer.from(encodeName(node.target)), target);
    if (isRoot) lchownSync(target, node.uid, node.gid);
    lutimesSync(target, node.mtime, node.mtime);
    return true;
  });
}

function finishDirectory({ target, node }: CopyStep, options: CopyOptions): void {
  explained(target, () => {
    if (options.isRoot) lchownSync(target, node.uid, node.gid);
    chmodSync(target, modeOf(node, options));
    utimesSync(target, node.mtime, node.mtime);
  });
}

/** Set-id bits only go with the owner that they are about. */
function modeOf({ mode }: Node, { isRoot }: CopyOptions): number {
  return isRoot ? mode : mode & 0o1777;
}

function countLosses(copied: Copied, { uid, gid, mode, xattrs }: Node, { isRoot }: CopyOptions): void {
  if (!isRoot && (uid !== process.getuid?.() || gid !== process.getgid?.())) copied.otherOwners++;
  if (!isRoot && (mode & 0o6000) !== 0) copied.withoutSetId++;
  if (xattrs !== undefined && xattrs.size > 0) copied.withoutXattrs++;
}

function dataBytes({ content }: FileNode): number {
  return content.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}

function lstat(path: Buffer): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function explained<T>(target: Buffer, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explain(target, error);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "you may not write there",
  EPERM: "you may not make that there",
  EROFS: "its file system is read-only",
  ENOENT: "its directory does not exist",
  ENOTDIR: "its directory is not a directory",
  EEXIST: "another file of the image has that name here",
  ENAMETOOLONG: "its name is too long",
  EINVAL: "this file system cannot have such a name",
  EILSEQ: "this file system cannot have such a name",
};

function explain(target: Buffer, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const hint = "copy to another directory";
  if (["ENOSPC", "EDQUOT", "EFBIG"].includes(errno))
    return new CloudimgError(
      { code: "host/no-space", message: `cannot write ${target}: no space is left`, hint },
      { cause: error },
    );
  return new CloudimgError(
    { code: "host/not-writable", message: `cannot write ${target}: ${reasons[errno] ?? errno}`, hint },
    { cause: error },
  );
}
