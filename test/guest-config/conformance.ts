import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const directory = fileURLToPath(new URL("../../../shared/conformance/", import.meta.url));

/** A recorded case: an input and what cloud-init makes of it. The folder's README says what the members mean. */
export interface ConformanceCase {
  readonly name: string;
  readonly input: unknown;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly expected?: unknown;
  readonly expected_normalized?: unknown;
  readonly expected_error?: string;
  readonly quirks?: unknown;
  readonly relevant_to_cloudimg?: boolean;
  readonly client?: string;
}

/** The cases of a file of ../shared/conformance; none if the folder is not there. */
export function conformanceCases(family: string): readonly ConformanceCase[] {
  const path = `${directory}${family}.json`;
  if (!existsSync(path)) return [];
  return (JSON.parse(readFileSync(path, "utf8")) as { cases: ConformanceCase[] }).cases;
}

/** A suite over all cases of a family. Without the folder it is skipped, but in CI that is a failure. */
export function conformanceSuite(family: string, check: (recorded: ConformanceCase) => void | Promise<void>): void {
  const cases = conformanceCases(family);
  describe(`conformance ${family}`, () => {
    if (cases.length === 0 && process.env["CI"] !== "true")
      return test.skip(`${directory} is not there: nothing to compare with`, () => {});
    test("there are cases", () => expect(cases.length).toBeGreaterThan(0));
    test.each(cases.map((recorded) => [recorded.name, recorded] as const))("%s", async (_, recorded) => {
      await check(recorded);
    });
  });
}
