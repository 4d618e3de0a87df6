import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bundleForQuickjs } from "../../src/guest-config/bundle.ts";
import { oracle } from "../oracles/tools.ts";
import { conformanceCases } from "./conformance.ts";
import { conformanceFamilies, conformanceResult, type Result } from "./conformance-functions.ts";

const cases = conformanceFamilies.flatMap((family) =>
  conformanceCases(family).map(({ name, input, env }) => ({ family, name, input, env: env ?? {} })),
);

const withoutWords = (problem: string) => (problem.includes("JSON") ? problem.slice(0, 12) : problem);

test.skipIf(cases.length === 0 && process.env["CI"] !== "true")(
  "QuickJS makes of all recorded cases what Node does",
  async () => {
    expect(cases.length).toBeGreaterThanOrEqual(200);
    const directory = mkdtempSync(join(tmpdir(), "cloudimg-conformance-"));
    try {
      const program = fileURLToPath(new URL("conformance-for-quickjs.ts", import.meta.url));
      writeFileSync(join(directory, "program.js"), await bundleForQuickjs(program));
      writeFileSync(join(directory, "cases"), cases.map((item) => `${JSON.stringify(item)}\n`).join(""));
      const [qjs = "", ...first] = await oracle("qjs");
      const { stdout, stderr } = spawnSync(
        qjs,
        [...first, "-m", join(directory, "program.js"), join(directory, "cases")],
        { encoding: "utf8", maxBuffer: 2 ** 28, timeout: 60_000 },
      );
      expect(stderr).toBe("");
      const results = stdout.split("\n").filter((line) => line !== "");
      expect(results.length).toBe(cases.length);
      for (const [index, { family, name, input, env }] of cases.entries()) {
        const { value, problems } = conformanceResult(family, input, env);
        const there = JSON.parse(results[index] ?? "") as Result;
        expect(there.value, name).toEqual(value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
        // The engines have different words for what is wrong with JSON.
        expect(there.problems.map(withoutWords), name).toEqual(problems.map(withoutWords));
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  120_000,
);
