import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleForQuickjs } from "../../../src/guest-config/bundle.ts";
import { oracle } from "../../oracles/tools.ts";
import { conformanceResult } from "../conformance-functions.ts";
import { damagedUserData } from "./random-user-data.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-user-data-qjs-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(program: URL, argument: string) {
  const bundle = join(directory, "program.js");
  writeFileSync(bundle, await bundleForQuickjs(fileURLToPath(program)));
  const [qjs = "", ...first] = await oracle("qjs");
  const { stdout, stderr } = spawnSync(qjs, [...first, "-m", bundle, argument], {
    encoding: "utf8",
    timeout: 60_000,
    maxBuffer: 2 ** 27,
  });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => line !== "");
}

test("damaged user data comes to the same as on Node", async () => {
  const samples = fc.sample(damagedUserData, { numRuns: 1000, seed: 4 }).flatMap((text) => [
    { family: "user-data-parts", input: { base64: Buffer.from(text, "latin1").toString("base64") }, env: {} },
    { family: "cloud-config-merge", input: ["a: {b: [1]}\nc: x", text], env: {} },
  ]);
  const file = join(directory, "samples");
  writeFileSync(file, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
  const results = await run(new URL("../conformance-for-quickjs.ts", import.meta.url), file);
  expect(results).toHaveLength(samples.length);
  const here = samples.map(({ family, input }) => JSON.stringify(conformanceResult(family, input, {})));
  expect(results).toEqual(here);
}, 120_000);

test("a whole boot in QuickJS, with real programs", async () => {
  const root = join(directory, "root");
  for (const path of ["proc/sys/kernel", "etc", "run/cloudimg", "var/log", "var/lib", "root"])
    mkdirSync(join(root, path), { recursive: true });
  const userData = `#cloud-config
bootcmd: [echo boot $INSTANCE_ID >> log, 'exit 7']
write_files:
- {path: /srv/a, content: ${gzipSync("unpacked\n").toString("base64")}, encoding: gz+b64}
- {path: /srv/late, content: !!binary AP9h, defer: true}
runcmd:
- [sh, -c, 'cat srv/a srv/late >> log; echo "$1" >> log', x, "a  'b' $HOME"]
- kill -9 $$
packages: [vim]
final_message: done by $datasource
`;
  writeFileSync(join(root, "user-data"), gzipSync(userData));
  expect(await run(new URL("for-quickjs.ts", import.meta.url), root)).toEqual([
    "problem user data: key packages of cloud-init is not supported",
    "problem bootcmd: ended with 7",
    "said write_files: 1 written (N ms)",
    "said runcmd: a script for the final stage (N ms)",
    "more true",
    "said write_files_deferred: 1 written (N ms)",
    "problem scripts_user: runcmd was ended by signal 9",
    "said scripts_user: 0 of 1 run (N ms)",
    "said final_message: done by DataSourceNoCloud (N ms)",
  ]);
  expect(readFileSync(join(root, "log"))).toEqual(
    Buffer.concat([Buffer.from("boot i-1\nunpacked\n"), Buffer.of(0, 255), Buffer.from("aa  'b' $HOME\n")]),
  );
}, 60_000);
