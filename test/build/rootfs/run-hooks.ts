import { planAccounts } from "../../../src/build/rootfs/accounts.ts";
import { runHooks } from "../../../src/build/rootfs/hooks.ts";
import { CloudimgError, formatWhere } from "../../../src/core/errors.ts";
import { profileSchema } from "../../../src/profile/schema.ts";
import { textOfTree } from "../filesystems/tree-text.ts";
import { treeOf } from "./trees.ts";

export interface HookResult {
  /** `PLACE CODE MESSAGE` */
  readonly failures: readonly string[];
  readonly notes: readonly string[];
  readonly tree: Readonly<Record<string, string>>;
}

/** A program: runs the lists of hooks that its argument holds as JSON, and prints what came of each. */
async function run(hooks: readonly string[]): Promise<HookResult> {
  const tree = treeOf("package app", { "/etc/x": "x", "/usr/share/y": "" });
  const profile = profileSchema.parse({ image: { name: "a" }, hooks });
  const context = { signal: new AbortController().signal };
  const locate = () => ({ file: "p.yaml", line: 3 });
  try {
    const notes = await runHooks(tree, { profile, accounts: planAccounts([]), epochSeconds: 7, context, locate });
    return { failures: [], notes, tree: textOfTree(tree) };
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    const failures = error.problems.map(
      ({ code, message, where }) => `${where ? formatWhere(where) : ""} ${code} ${message}`,
    );
    return { failures, notes: [], tree: {} };
  }
}

if (import.meta.main) {
  const results: HookResult[] = [];
  for (const hooks of JSON.parse(process.argv[2] ?? "[]") as string[][]) results.push(await run(hooks));
  console.log(JSON.stringify(results));
}
