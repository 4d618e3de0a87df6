import { spawnSync } from "node:child_process";
import { expect } from "vitest";
import { conformanceSuite } from "../conformance.ts";
import { conformanceResult } from "../conformance-functions.ts";

for (const family of [
  "user-data-parts",
  "cloud-config-merge",
  "hostname",
  "write-files-encoding",
  "write-files-permissions",
])
  conformanceSuite(family, ({ input, expected, expected_error }) => {
    const { value, problems } = conformanceResult(family, input, {});
    if (expected_error !== undefined) return expect(problems).not.toEqual([]);
    expect({ value, problems }).toEqual({ value: expected, problems: [] });
  });

// Not the same script, but one that does the same.
conformanceSuite("runcmd-shellify", ({ input, expected, expected_error }) => {
  const { value, problems } = conformanceResult("runcmd-shellify", input, {});
  if (expected_error !== undefined) return expect(problems).not.toEqual([]);
  expect(problems).toEqual([]);
  const run = (script: unknown) => {
    const { status, stdout, stderr } = spawnSync("sh", [], { input: String(script), encoding: "utf8" });
    return { status, stdout, stderr };
  };
  expect(run(value)).toEqual(run(expected));
});
