import { Argument } from "commander";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import type { Invocation, Verb } from "./command.ts";

export const runs: Verb = {
  name: "runs",
  summary: "list the publishes to clouds, show one in full",
  examples: [
    "cloudimg runs",
    "cloudimg runs show 20261121-1000   # the start of an id is enough",
    "cloudimg runs --json",
  ],
  args: [
    new Argument("[ACTION]", "show: one run in full").choices(["show"]),
    new Argument("[ID]", "a run, or the start of its id"),
  ],
  options: [],
  async run({ args: [action, id], context, result, terminal }: Invocation) {
    const { listRuns, showRun } = await import("../providers/journal-store.ts");
    const { outstanding } = await import("../providers/journal-record.ts");
    const { describeRun, describeRuns } = await import("../report/runs.ts");
    const listed = listRuns(context);
    if (action === undefined) {
      const values = listed.map((run) => ("scope" in run ? { ...run, left: outstanding(run).length } : run));
      result(describeRuns(listed), { runs: values });
      return 0;
    }
    if (id === undefined)
      fail("usage/arguments", "cannot show a run: none is named", { hint: "cloudimg runs lists them" });
    const ids = listed.map((run) => run.id);
    const run = showRun(await wholeId(id, ids), context);
    const evidence = await evidenceOf(run.id, context);
    const left = outstanding(run).map(([, entry]) => entry);
    const { isTTY, columns } = terminal.output as { isTTY?: boolean; columns?: number };
    result(describeRun(run, evidence, isTTY === true ? (columns ?? 80) : undefined), { run, left, evidence });
    return 0;
  },
};

/** Errors: `cloud/no-run`; `usage/arguments` if several runs' ids start like this. */
async function wholeId(text: string, ids: readonly string[]): Promise<string> {
  const { didYouMean } = await import("../core/near-names.ts");
  if (ids.includes(text)) return text;
  const [first, second, ...more] = text === "" ? [] : ids.filter((id) => id.startsWith(text));
  if (first !== undefined && second === undefined) return first;
  if (first !== undefined)
    fail("usage/arguments", `cannot tell which run ${text} is: ${2 + more.length} ids start like this`, {
      hint: `for example ${first} and ${second}`,
    });
  const latest = ids.length === 0 ? "nothing has been published yet" : `the latest are: ${ids.slice(-5).join(", ")}`;
  fail("cloud/no-run", `cannot find the run ${text}`, { hint: didYouMean(text, ids) ?? latest });
}

/** Paths of what was kept of the instance: its console, its screen. */
async function evidenceOf(id: string, context: Context): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const { runDirectory } = await import("../providers/journal-store.ts");
  const directory = runDirectory(id, context);
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => /^(console\.txt|screenshot\.\w+)$/.test(name))
    .sort()
    .map((name) => join(directory, name));
}
