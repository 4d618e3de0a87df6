import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import type { Module } from "../../../src/guest-config/user-data/module.ts";
import { modules } from "../../../src/guest-config/user-data/modules.ts";
import { unknownKeyProblems } from "../../../src/guest-config/user-data/unknown-keys.ts";
import { parseYaml } from "../../../src/guest-config/user-data/yaml.ts";

const docs = fileURLToPath(new URL("../../../docs/", import.meta.url));
const read = (name: string) => readFileSync(docs + name, "utf8");
const page = read("user-data.md");
const known = new Set(modules.flatMap(({ keys }) => keys));

const words: Readonly<Record<Module["frequency"], string>> = {
  always: "each boot",
  instance: "once",
  once: "once in the life of the disk",
};

test("docs/user-data.md lists the modules, in their order, as often as they run", () => {
  const rows = [...page.matchAll(/^\| .* \| `(\w+)` \| (each boot|once[a-z ]*) \|/gm)].map(([, name, when]) => [
    name,
    when,
  ]);
  expect(rows).toEqual(modules.map(({ name, frequency }) => [name, words[frequency]]));
});

test("it names every key that a module obeys", () => {
  // Other spellings, and keys that do nothing here.
  const left = ["ca-certs", "ssh_quiet_keygen", "no_ssh_fingerprints", "authkey_hash"];
  const named = (key: string) =>
    page.includes(`\`${key}\``) || page.includes(`\`${key}.`) || /_console_blacklist$/.test(key);
  expect([...known].filter((key) => !left.includes(key) && !named(key))).toEqual([]);
});

const examples = readdirSync(docs)
  .filter((name) => name.endsWith(".md"))
  .flatMap((name) =>
    [...read(name).matchAll(/^```yaml\n(#cloud-config\n[\s\S]*?)^```/gm)].map(([, text = ""]) => [name, text]),
  );

test.each(examples)("what %s shows is cloud-config with nothing unknown in it: %s", (_, text) => {
  expect(unknownKeyProblems(parseYaml(text as string) as JsonObject, known)).toEqual([]);
});
