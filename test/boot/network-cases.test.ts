import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleForQuickjs } from "../../src/guest-config/bundle.ts";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";
import { cardsOf, compared, expectedOf, readShown, type Shown, stacked, staticCases } from "./network-cases.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const cases = staticCases();
const inGuest = "/usr/lib/network-cases";

/**
 * One machine for all cases: each has a namespace of its own with cards that have the case's addresses, and the initializer's own code obeys its document there, twice.
 */
describe.skipIf(cases.length === 0 && process.env["CI"] !== "true")(
  "recorded network documents in a guest",
  { timeout: 400_000 },
  () => {
    let built: BuiltForBoot;
    let directory: string;
    const shown = new Map<string, Shown[]>();

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), "cloudimg-network-"));
      writeFileSync(
        join(directory, "apply.js"),
        await bundleForQuickjs(here("../guest-config/network/apply-document.ts")),
      );
      copyFileSync(here("network-namespace.sh"), join(directory, "run.sh"));
      for (const [index, one] of cases.entries()) {
        const path = join(directory, String(index));
        mkdirSync(path);
        writeFileSync(join(path, "cards"), [...cardsOf(one)].map(([name, mac]) => `${name} ${mac ?? "-"}\n`).join(""));
        for (const round of [1, 2]) writeFileSync(join(path, `${round}.json`), JSON.stringify(one.input));
      }
      built = await buildForBoot(`
extends: cloudimg:base
image: { name: network-cases }
kernel: { modules: [veth] }
overlays: [{ source: ${directory}, target: ${inGuest} }]
services: { http: { enabled: false } }
`);
      await withGuest(built, async ({ run }) => {
        await run("mkdir -p /run/cloudimg");
        for (let first = 0; first < cases.length; first += 10) {
          const indexes = cases.slice(first, first + 10).map((_, index) => first + index);
          const output = await run(
            `for n in ${indexes.join(" ")}; do echo "#### $n"; sh ${inGuest}/run.sh ${inGuest}/$n 2>&1; done`,
          );
          for (const part of output.split(/^#### /m).slice(1)) {
            const index = Number.parseInt(part, 10);
            shown.set(
              cases[index]?.name ?? "",
              part
                .split(/^==== .*\n/m)
                .slice(1)
                .map(readShown),
            );
          }
        }
      });
    }, 400_000);
    afterAll(() => {
      built?.remove();
      rmSync(directory, { recursive: true, force: true });
    });

    test("there are cases", () => expect(cases.length).toBeGreaterThan(100));

    test.each(cases.map((one) => [one.name, one] as const))("%s", (name, one) => {
      const [first, second] = shown.get(name) ?? [];
      if (first === undefined || second === undefined) throw new Error("the guest has shown nothing");
      const expected = expectedOf(one);
      expect(compared(first, expected)).toEqual(expected);
      for (const [seen, wanted] of stacked(first, one)) expect(seen).toEqual(wanted);
      // A second time changes nothing and finds nothing to complain of.
      expect({ ...second, result: first.result }).toEqual(first);
      expect(first.result.problems.filter((problem) => !/the metric is taken/.test(problem))).toEqual(
        knownProblems[name] ?? [],
      );
    });
  },
);

/** Documents that cannot be obeyed whole. */
const knownProblems: Readonly<Record<string, readonly unknown[]>> = {
  // The only gateway of the global route is its own destination.
  "doc-network-config-v1-route": [expect.stringContaining("cannot route 192.168.24.0/24 via 192.168.24.1 metric 3")],
};
