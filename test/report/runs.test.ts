import { expect, test } from "vitest";
import { describeInterruption, type RunFacts } from "../../src/report/runs.ts";

function interrupted(things: Readonly<Record<string, string>>): string {
  const ledger = Object.fromEntries(
    Object.entries(things).map(([kind, state]) => [kind, { kind, state, region: "r", name: "n" }]),
  ) satisfies RunFacts["ledger"];
  return describeInterruption({ id: "1", ledger });
}

test("what is said of an interrupted run is what its ledger knows", () => {
  expect(interrupted({})).toBe("the run 1 is interrupted");
  expect(interrupted({ object: "made", image: "intended" })).toBe(
    "the run 1 is interrupted; what was uploaded or imported is kept",
  );
  expect(interrupted({ image: "made", instance: "removed" })).toBe(
    "the run 1 is interrupted; its instance is ended; what was uploaded or imported is kept",
  );
  expect(interrupted({ object: "removed", instance: "made" })).toBe(
    "the run 1 is interrupted; its instance may still run",
  );
});
