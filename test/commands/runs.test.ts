import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import { cloudimg, type Finished, temporaryDirectory } from "../cli/cloudimg.ts";
import { place } from "../providers/publish-cloud-requests.ts";

const runsOf = (directory: string, ...args: string[]): Promise<Finished> =>
  cloudimg(["runs", ...args], { environment: { CLOUDIMG_DATA: join(directory, "data") } });

async function published(directory: string, options: Parameters<typeof place>[1] = {}): Promise<string> {
  const { request, context } = place(directory, options);
  return (await publishToCloud(request, context)).run;
}

test("no runs", async () => {
  const directory = temporaryDirectory();
  expect(await runsOf(directory)).toMatchObject({ code: 0, stdout: "no runs\n" });
  const missing = await runsOf(directory, "show", "x");
  expect(missing).toMatchObject({
    code: 7,
    stderr: expect.stringMatching(/cannot find the run x \[cloud\/no-run\]\n {2}hint: nothing has been published/),
  });
  expect((await runsOf(directory, "show")).code).toBe(2);
  expect((await runsOf(directory, "shwo", "x")).code).toBe(2);
});

describe("with runs", () => {
  test("are listed, shown by the start of their id, and a damaged journal does not hide the others", async () => {
    const directory = temporaryDirectory();
    const id = await published(directory);
    const broken = "20990101-000000-abcdef";
    mkdirSync(join(directory, "data/runs", broken), { recursive: true });
    writeFileSync(join(directory, "data/runs", broken, "run.json"), '{"version": 1, ');
    writeFileSync(join(directory, "data/runs", id, "screenshot.png"), "x");

    const { code, stdout } = await runsOf(directory);
    expect(code).toBe(0);
    const [head, line, problem] = stdout.split("\n");
    expect(head).toMatch(/^RUN .* LEFT OVER$/);
    expect(line).toMatch(new RegExp(`^${id} .*r1 +web +done +\\S+ +nothing$`));
    expect(problem).toMatch(new RegExp(`^${broken}: cannot read the journal .*: it is damaged$`));

    const json = JSON.parse((await runsOf(directory, "--json")).stdout);
    expect(json.value.runs).toMatchObject([
      { id, state: "done", left: 0 },
      { id: broken, problem: expect.any(String) },
    ]);

    const shown = await runsOf(directory, "show", id.slice(0, 12));
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^ {2}upload +done +\d/m);
    expect(shown.stdout).toMatch(/^ {2}image +\S+ +r1 +kept$/m);
    expect(shown.stdout).toMatch(/^Evidence\n.*console\.txt\n.*screenshot\.png$/m);
    expect(shown.stdout).toMatch(/Nothing: it has come to its end/);
    const value = JSON.parse((await runsOf(directory, "show", id, "--json")).stdout).value;
    expect(value).toMatchObject({
      run: { id, version: 1 },
      left: [],
      evidence: [expect.stringMatching(/txt$/), expect.stringMatching(/png$/)],
    });

    expect((await runsOf(directory, "show", "20")).stderr).toMatch(/2 ids start like this \[usage\/arguments\]/);
    const mistyped = `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`;
    expect((await runsOf(directory, "show", mistyped)).stderr).toContain(`did you mean "${id}"?`);
    expect(await runsOf(directory, "show", broken)).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/cloud\/bad-journal/),
    });
    expect((await runsOf(directory, "show", "../runs")).stderr).toMatch(/cloud\/no-run/);
  });

  test("one that was cut off says what is left, and how to go on or to clean up", async () => {
    const directory = temporaryDirectory();
    const smoke = async () => {
      throw new Error("the network is gone\u001b[31m");
    };
    await expect(published(directory, { smoke })).rejects.toThrow(/network is gone/);
    const [run] = JSON.parse((await runsOf(directory, "--json")).stdout).value.runs;
    expect(run).toMatchObject({ state: "interrupted" });
    expect(run.left).toBeGreaterThan(0);
    const { stdout } = await runsOf(directory, "show", run.id);
    expect(stdout).toMatch(/^ {2}error +the network is gone\\x1b\[31m$/m);
    expect(stdout).toMatch(/^ {2}smoke +failed +.*the network is gone/m);
    expect(stdout).toMatch(/Publish the same again: it goes on where it was/);
    expect(stdout).toContain(`To remove it: cloudimg clean ${run.id}`);
  });
});
