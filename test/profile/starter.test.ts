import fc from "fast-check";
import { expect, test } from "vitest";
import { exampleProfile } from "../../src/profile/reference.ts";
import { starterProfile } from "../../src/profile/starter.ts";
import { load } from "./profile-files.ts";

test("a starter profile is valid wherever it lies", async () => {
  const { profile } = await load({ "cloud-profiles/greeter.yaml": starterProfile("greeter", "schema.json") });
  expect(profile.image.name).toBe("greeter");
  expect(profile.packages.include).toContain("nginx");
});

test("a starter profile is valid for every name, also one that YAML would read as a number or nothing", async () => {
  const names = fc.oneof(
    fc.constantFrom("2024", "1e3", "0x1f", "true", "null", "no", "1.2.3", "0o7", "a".repeat(60)),
    fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/),
  );
  await fc.assert(
    fc.asyncProperty(names, async (name) => {
      const { profile } = await load({ "p.yaml": starterProfile(name, "schema.json") });
      expect(profile.image.name).toBe(name);
    }),
    { numRuns: 60 },
  );
});

test("the example of docs/profile.md is valid", async () => {
  const { profile } = await load({ "greeter.yaml": exampleProfile });
  expect(profile.users.map(({ name }) => name)).toEqual(["root", "ada"]);
  expect(profile.services.commands).toEqual([
    { name: "greet", command: "exec /usr/local/bin/greet", user: "ada", respawn: true },
  ]);
});
