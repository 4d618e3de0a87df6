import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { generatedPages } from "../../src/commands/docs.ts";

test.each(Object.entries(await generatedPages()))("docs/%s is up to date", async (name, text) => {
  const committed = await readFile(new URL(`../../docs/${name}`, import.meta.url), "utf8");
  expect(committed, "write it again with: npm run docs").toBe(text);
});
