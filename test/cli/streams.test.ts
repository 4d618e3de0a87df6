import { once } from "node:events";
import { closeSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { finished, startCloudimg, temporaryDirectory } from "./cloudimg.ts";

/** Starts work of about a second in a directory of its own. */
function start(args: readonly string[], output?: number) {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, "probe.yaml"), "extends: cloudimg:base\nimage:\n  name: probe\n");
  const child = startCloudimg(args, { cwd, ...(output === undefined ? {} : { output }) });
  return { cwd, child };
}

const made = (cwd: string) => readdirSync(cwd, { recursive: true }).filter((name) => String(name).startsWith("out/"));

describe("what can happen to a run", { timeout: 120_000 }, () => {
  test("a reader of standard output that has seen enough ends the run, without a word", async () => {
    const { cwd, child } = start(["build", "probe.yaml", "--json"]);
    child.stdout?.once("data", () => child.stdout?.destroy());
    const { code, stderr } = await finished(child);
    expect({ code, stderr, made: made(cwd) }).toEqual({ code: 141, stderr: "", made: [] });
  });

  test.runIf(process.platform === "linux")("standard output on a full disk", async () => {
    const full = openSync("/dev/full", "w");
    const { child } = start(["validate", "probe.yaml"], full);
    closeSync(full);
    const { code, stderr } = await finished(child);
    expect(stderr).toMatch(
      /^error: cannot write to standard output: no space is left \[host\/no-space\]\n {2}hint: .*\n$/,
    );
    expect(code).toBe(4);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s, twice, while the image is written: tidied up", async (signal, code) => {
    const { cwd, child } = start(["build", "probe.yaml", "--json"]);
    const ended = finished(child);
    let text = "";
    for await (const [piece] of chunks(child.stdout as NodeJS.ReadableStream)) {
      text += piece;
      if (/"step-progress","id":"image"/.test(text)) break;
    }
    expect(made(cwd).length).toBeGreaterThan(0);
    child.kill(signal);
    child.kill(signal);
    expect((await ended).code).toBe(code);
    expect(made(cwd)).toEqual([]);
  });
});

/** Pieces as they come, without taking the stream away from who else listens. */
async function* chunks(stream: NodeJS.ReadableStream) {
  for (;;) yield (await once(stream, "data")) as [string];
}
