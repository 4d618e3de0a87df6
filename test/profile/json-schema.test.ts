// biome-ignore-all lint/suspicious/noTemplateCurlyInString: profiles as they are written
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { profileJsonSchema } from "../../src/profile/json-schema.ts";
import { exampleProfile } from "../../src/profile/reference.ts";
import { starterProfile } from "../../src/profile/starter.ts";

// Ajv is the judge: `strict` also refuses a schema with keywords or formats that nobody knows. A property's `type` may be a list.
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { uri: /^\w+:/ } });
const validate = ajv.compile(profileJsonSchema());
const shipped = (name: string) => readFileSync(new URL(`../../cloud-profiles/${name}`, import.meta.url), "utf8");

test.each([
  ["cloud-profiles/local.yaml", shipped("local.yaml")],
  ["cloud-profiles/base.yaml, which has no name", shipped("base.yaml")],
  ["the example of the reference", exampleProfile],
  ["the starter profile", starterProfile("greeter", "x")],
  ["null that removes", "extends: base.yaml\nkernel:\nusers: null\nimage: { version: null }\n"],
  ["a number from the environment", 'instance: { cpus: "${env:CPUS}", memory: "${env:MEMORY:-1GiB}" }'],
])("good: %s", (_, text) => {
  validate(parse(text));
  expect(validate.errors).toBeNull();
});

test.each([
  ["an unknown section", "pakages: {}", "/"],
  ["an unknown key in an entry of a list", "files: [{ target: /a, traget: /b }]", "/files/0"],
  ["an entry without what it needs", "files: [{ content: a }]", "/files/0"],
  ["a word that is not in the list", "image: { arch: x86 }", "/image/arch"],
  ["a mode without quotes", "files: [{ content: a, target: /a, mode: 0644 }]", "/files/0/mode"],
  ["a port out of range", "services: { ssh: { port: 70000 } }", "/services/ssh/port"],
])("bad: %s", (_, text, place) => {
  expect(validate(parse(text))).toBe(false);
  expect(validate.errors?.some(({ instancePath }) => (instancePath || "/").startsWith(place))).toBe(true);
});
