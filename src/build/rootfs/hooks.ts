import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { readAll } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import { CloudimgError, fail, type Where } from "../../core/errors.ts";
import type { Tree } from "../../core/tree.ts";
import type { Profile } from "../../profile/schema.ts";
import { type Accounts, findOwner } from "./accounts.ts";
import type { Locate } from "./collect-problems.ts";
import { checkTree } from "./tree-check.ts";
import { type Owner, type TreeMaker, treeMaker } from "./tree-maker.ts";

/** What a hook may use besides the tree. Whatever it puts through `file`, `link`, … may take the place of what is there. */
export interface HookApi extends Omit<TreeMaker, "tree"> {
  readonly profile: Profile;
  /** The time of everything: seconds since 1970. A hook that asks the clock makes another image each time. */
  readonly epochSeconds: number;
  /** The bytes of a file of the tree. */
  read(path: string): Uint8Array;
  /** The same as text. */
  text(path: string): string;
  /** Numbers of a user and a group of the image. */
  owner(user: string | number, group: string | number): Owner;
  /** Words for `cloudimg plan`. */
  note(text: string): void;
}

/** What a hook's module exports. */
type Transform = (tree: Tree, api: HookApi) => unknown;

interface HooksRequest {
  readonly profile: Profile;
  readonly accounts: Accounts;
  readonly epochSeconds: number;
  readonly context: Pick<Context, "signal">;
  readonly locate: Locate;
}

/**
 * Runs the profile's hooks on the tree, in their order, each to its end.
 *
 * @returns their notes
 *
 * Errors: `profile/hook-failed` with the line of the module that threw, whatever it threw; `profile/no-source`.
 */
export async function runHooks(tree: Tree, request: HooksRequest): Promise<string[]> {
  const notes: string[] = [];
  for (const [index, path] of request.profile.hooks.entries()) {
    const where = request.locate(["hooks", index]);
    const transform = await loadHook(path, where);
    const api = apiOf(tree, `profile hooks[${index}]`, request, notes);
    try {
      await untilAborted(transform(tree, api), request.context.signal);
    } catch (error) {
      request.context.signal.throwIfAborted();
      failIn(path, "run", error, where);
    }
    checkTree(tree, path, where);
  }
  return notes;
}

function apiOf(tree: Tree, origin: string, request: HooksRequest, notes: string[]): HookApi {
  const { profile, accounts, epochSeconds } = request;
  const { tree: _, ...maker } = treeMaker(origin, epochSeconds, tree, { replace: true });
  const read = (path: string) => {
    const node = tree.get(tree.resolve(path) ?? path);
    if (node?.type === "file") return readAll(node.content);
    return fail("profile/hook-failed", `cannot read ${path}: the image has no such file`);
  };
  return {
    ...maker,
    profile,
    epochSeconds,
    read,
    text: (path) => new TextDecoder().decode(read(path)),
    owner: (user, group) => findOwner(accounts, user, group),
    note: (text) => void notes.push(String(text)),
  };
}

async function loadHook(path: string, where: Where | undefined): Promise<Transform> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true)
    fail("profile/no-source", `cannot run the hook ${path}: there is no such file`, {
      hint: "a hook is relative to the profile that names it",
      ...(where && { where }),
    });
  let module: { transform?: unknown };
  try {
    // A module that changed since this process loaded it is another one.
    module = await import(`${pathToFileURL(path).href}?${stats.mtimeMs}`);
  } catch (error) {
    return failIn(path, "load", error, where);
  }
  if (typeof module.transform !== "function")
    fail("profile/hook-failed", `cannot run the hook ${path}: it exports no function named transform`, {
      hint: "export function transform(tree, api) { … }",
      ...(where && { where }),
    });
  return module.transform as Transform;
}

/** What a hook waits for cannot be ended from outside, but nobody has to wait for the hook. */
async function untilAborted(work: unknown, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    Promise.resolve(work)
      .then(() => resolve(), reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function failIn(path: string, verb: string, error: unknown, where: Where | undefined): never {
  const problem = error instanceof CloudimgError ? error.problems[0] : undefined;
  const reason = problem?.message ?? (error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  fail("profile/hook-failed", `cannot ${verb} the hook ${path}: ${reason}`, {
    hint: problem?.hint ?? "the place above is the hook's own line",
    where: placeIn(path, error) ?? where ?? { file: path },
    cause: error,
  });
}

/** The innermost line of the hook, or of what it imports, in a stack: `at f (file:///x.ts?1:2:3)`, or `file:///x.ts:2` where it has no function yet. */
function placeIn(path: string, error: unknown): Where | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  // What is no TypeScript at all stands in the first line: `/x.ts:2`.
  const [, file, atLine] = /^(.+):(\d+)$/m.exec(stack.slice(0, stack.indexOf("\n"))) ?? [];
  if (file !== undefined && isAbsolute(file)) return { file, line: Number(atLine) };
  const directory = pathToFileURL(path.replace(/[^/\\]*$/, "")).href;
  for (const [, url = "", line, column] of stack.matchAll(/(file:\/\/[^\s?()]+)(?:\?[\d.]+)?:(\d+)(?::(\d+))?/g))
    if (url.startsWith(directory) && !url.includes("/node_modules/"))
      return { file: fileURLToPath(url), line: Number(line), ...(column !== undefined && { column: Number(column) }) };
  return undefined;
}
