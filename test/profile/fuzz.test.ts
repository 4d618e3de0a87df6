// biome-ignore-all lint/suspicious/noTemplateCurlyInString: profiles as they are written
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CloudimgError } from "../../src/core/errors.ts";
import { loadProfile } from "../../src/profile/load.ts";
import { exampleProfile } from "../../src/profile/reference.ts";
import { writeFiles } from "./profile-files.ts";

const shipped = readFileSync(new URL("../../cloud-profiles/local.yaml", import.meta.url), "utf8");
const base = readFileSync(new URL("../../cloud-profiles/base.yaml", import.meta.url), "utf8");

/** Texts that mean something to YAML, to a profile or to JavaScript's objects. */
const fragments = fc.constantFrom(
  ..."{ } [ ] : - ? | > & * ! # % @ ` ' \" , ~ \n \t".split(" "),
  "\n  - ",
  ": null",
  "&a ",
  "*a",
  "<<: *a",
  "!!binary ",
  "---\n",
  "...",
  "\ufeff",
  "\0",
  "\ud800",
  "\r\n",
  "${env:A}",
  "${env:",
  "$${env:A}",
  "${env:NO:-}",
  "__proto__: 1\n",
  "constructor: {}\n",
  "toString: 1\n",
  "hasOwnProperty: 1\n",
  ".inf",
  ".nan",
  "-0",
  "1e400",
  "0x10",
  "true",
  "extends: base.yaml\n",
  "extends: [base.yaml, p.yaml]\n",
  "name: p\n",
  "files: [{}]\n",
  "users: [{ name: a }, { name: a }]\n",
  "instance: { interfaces: [] }\n",
  "headers: { __proto__: x }\n",
);

const edit = fc.record({
  at: fc.nat(),
  removed: fc.nat(40),
  inserted: fc.oneof(fragments, fc.string({ maxLength: 8 })),
});

test("whatever is done to a profile, loading it gives a profile or a CloudimgError that names places in it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(shipped, exampleProfile),
      fc.array(edit, { minLength: 1, maxLength: 6 }),
      async (original, edits) => {
        let text = original;
        for (const { at, removed, inserted } of edits) {
          const start = at % (text.length + 1);
          text = text.slice(0, start) + inserted + text.slice(start + removed);
        }
        const directory = await writeFiles({ "p.yaml": text, "base.yaml": base });
        try {
          const loaded = await loadProfile(join(directory, "p.yaml"), { environment: { A: "1" } });
          expect(loaded.digest).toMatch(/^[0-9a-f]{64}$/);
        } catch (error) {
          if (!(error instanceof CloudimgError)) throw error;
          expect(error.exitCode).toBe(3);
          for (const { message, where } of error.problems) {
            expect(message).toMatch(/^cannot (read|use) (this|the) profile/);
            expect(message).not.toMatch(/undefined|\[object|Invalid input/);
            const lines = (where?.file.endsWith("base.yaml") ? base : text).split(/\r\n|\r|\n/).length;
            if (where?.line !== undefined) expect(where.line).toBeLessThanOrEqual(lines);
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});
