import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { planAccounts } from "../../../src/build/rootfs/accounts.ts";
import { runHooks } from "../../../src/build/rootfs/hooks.ts";
import { Tree } from "../../../src/core/tree.ts";
import { profileSchema } from "../../../src/profile/schema.ts";
import { fileDetail } from "../filesystems/tree-text.ts";
import type { HookResult } from "./run-hooks.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-hooks-"));
afterAll(() => rmSync(directory, { recursive: true }));
let count = 0;

function hook(text: string): string {
  const path = join(directory, `hook${count++}.ts`);
  writeFileSync(path, text);
  return path;
}

/** Runs each list of hooks on a tree of its own, by Node itself: vitest would compile the hooks its own way. */
async function runAll(lists: readonly (readonly string[])[]): Promise<readonly HookResult[]> {
  const runner = fileURLToPath(new URL("run-hooks.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [runner, JSON.stringify(lists)]);
  return JSON.parse(stdout) as HookResult[];
}

test("hooks change the tree in their order, in TypeScript, waiting for what they wait for", async () => {
  writeFileSync(join(directory, "greeting.ts"), "export const greeting: string = 'hello';\n");
  const first = hook(`
    import { setTimeout } from "node:timers/promises";
    import { greeting } from "./greeting.ts";
    export async function transform(tree: any, api: any): Promise<void> {
      await setTimeout(1);
      api.file("/etc/x", greeting + api.text("/etc/x"), { ...api.owner("www-data", "shadow"), mode: 0o600 });
      tree.remove("/usr/share");
      api.note(api.profile.image.name + " " + api.epochSeconds);
    }`);
  const second = hook('export function transform(tree, api) { api.file("/etc/z", api.text("/etc/x") + "z"); }');
  const [result] = await runAll([[first, second]]);
  expect(result?.failures).toEqual([]);
  expect(result?.notes).toEqual(["a 7"]);
  expect(result?.tree).toMatchObject({
    "/etc/x": `file 0600 33:42 7 ${fileDetail(Buffer.from("hellox"))}`,
    "/etc/z": `file 0644 0:0 7 ${fileDetail(Buffer.from("helloxz"))}`,
  });
  expect(Object.keys(result?.tree ?? {})).not.toContain("/usr/share");
});

const faults: [what: string, text: string, said: RegExp][] = [
  [
    "throws",
    "export function transform() {\n  throw new TypeError('no');\n}",
    /^\/hook\d+.ts:2:\d+ profile\/hook-failed cannot run the hook .* TypeError: no$/,
  ],
  [
    "rejects",
    "export const transform = async () => {\n\n  throw new Error('late');\n};",
    /^\/hook\d+.ts:3:\d+ .*Error: late$/,
  ],
  ["throws no error", "export const transform = () => { throw 'text' };", /^p.yaml:3 .*: text$/],
  [
    "misuses the tree",
    "export const transform = (tree, api) => {\n  api.file('/etc/x/y', '');\n};",
    /hook\d+.ts:2:\d+ profile\/hook-failed .*cannot put a file at \/etc\/x/,
  ],
  [
    "uses a wrong path",
    "export const transform = (tree, api) => {\n  api.file('etc', '');\n};",
    /hook\d+.ts:2:\d+ .*not a normal absolute path: etc/,
  ],
  [
    "is no TypeScript",
    "export function transform( {\n",
    /^\/hook\d+.ts:\d+.* profile\/hook-failed cannot load the hook/,
  ],
  [
    "throws while it loads",
    "\nthrow new Error('early');\n",
    /^\/hook\d+.ts:2:\d+ .*cannot load the hook.*Error: early/,
  ],
  ["exports nothing of that name", "export const x = 1;", /^p.yaml:3 .*it exports no function named transform/],
  [
    "leaves a bad node",
    "export const transform = (tree) => tree.set('/a', { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, content: 'text' });",
    /^p.yaml:3 .*left at \/a: its content is no ByteSource/,
  ],
  [
    "leaves a bad mode",
    "export const transform = (tree) => tree.set('/a', { type: 'fifo', mode: 'rw', uid: 0, gid: 0, mtime: 0 });",
    /its mode is rw/,
  ],
];

test("what a hook does wrong is told with its own line, and without our stack", async () => {
  const results = await runAll(faults.map(([, text]) => [hook(text)]));
  faults.forEach(([what, , said], index) => {
    const failures = results[index]?.failures.map((line) => line.replaceAll(directory, ""));
    expect(failures, `a hook that ${what}`).toEqual([expect.stringMatching(said)]);
  });
});

test("a hook that is not there", async () => {
  const [result] = await runAll([[join(directory, "none.ts")]]);
  expect(result?.failures).toEqual([
    `p.yaml:3 profile/no-source cannot run the hook ${join(directory, "none.ts")}: there is no such file`,
  ]);
});

test("nobody waits for a hook that never ends", async () => {
  const abort = new AbortController();
  const path = hook("export const transform = () => new Promise(() => {});");
  const profile = profileSchema.parse({ image: { name: "a" }, hooks: [path] });
  const { signal } = abort;
  const request = {
    profile,
    accounts: planAccounts([]),
    epochSeconds: 7,
    context: { signal },
    locate: () => undefined,
  };
  const running = runHooks(new Tree(), request);
  abort.abort(new Error("interrupted"));
  await expect(running).rejects.toThrow("interrupted");
});
