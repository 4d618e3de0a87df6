import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import type { JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { parseYaml } from "../../../src/guest-config/parts/yaml.ts";
import { mergeDocument } from "../../../src/guest-config/user-data/assemble.ts";
import { splitUserData } from "../../../src/guest-config/user-data/split-parts.ts";
import { askCloudInit } from "../../oracles/cloud-init.ts";
import { damagedUserData } from "./random-user-data.ts";
import { unpackingHost } from "./unpacking-host.ts";

// The real cloud-init, asked the same at random.

const value = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.constantFrom(1, null, true, "s", "t"), tie("list"), tie("map")),
  list: fc.array(tie("value"), { maxLength: 3 }),
  map: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3, noNullPrototype: true }),
}));
const option = fc.constantFrom(
  ..."append prepend replace no_replace recurse_array recurse_list recurse_dict recurse_str allow_delete".split(" "),
);
const options = fc.uniqueArray(option, { maxLength: 4 });
const rules = fc.tuple(options, fc.option(options, { nil: undefined }), fc.option(options, { nil: undefined }));
const how = rules.chain(([dict, list, str]) => {
  const all = Object.entries({ dict, list, str }).filter((rule): rule is [string, string[]] => rule[1] !== undefined);
  return fc.constantFrom<unknown>(
    undefined,
    all.map(([name, words]) => `${name}(${words.join(",")})`).join("+"),
    all.map(([name, settings]) => ({ name, settings })),
    all.map(([name, words]) => [name, ...words]),
  );
});
const document = fc
  .tuple(value.map, how)
  .map(([map, merge_how]) => ({ ...(map as object), ...(merge_how === undefined ? {} : { merge_how }) }));

test("documents are merged", async () => {
  const cases = fc.sample(fc.array(document, { minLength: 2, maxLength: 3 }), { numRuns: 1500, seed: 4 });
  const answers = await askCloudInit<JsonObject>(cases.map((documents) => ({ ask: "merge", documents })));
  let compared = 0;
  for (const [index, { answer, error }] of answers.entries()) {
    const problems: string[] = [];
    const documents = cases[index] ?? [];
    const config = documents.reduce<JsonObject>(
      (merged, next) => mergeDocument(merged, next, undefined, (text) => problems.push(text)),
      {},
    );
    // Where rules do not fit the values cloud-init goes wrong in one way or another; we say so.
    if (error !== undefined || problems.length > 0) continue;
    compared++;
    expect(config, JSON.stringify(documents)).toEqual(answer);
  }
  expect(compared).toBeGreaterThan(1200);
}, 60_000);

test("user data is split", async () => {
  const isPlain = (text: string) => !/[^\0-\x7f]|include|base64/i.test(text);
  const cases = fc.sample(damagedUserData, { numRuns: 3000, seed: 4 }).filter(isPlain);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const answers = await askCloudInit<unknown>(cases.map((text) => ({ ask: "user-data-parts", base64: base64(text) })));
  let compared = 0;
  for (const [index, { answer, error }] of answers.entries()) {
    const problems: string[] = [];
    const raw = new Uint8Array(Buffer.from(cases[index] ?? ""));
    const parts = splitUserData(raw, {
      host: unpackingHost(),
      directory: "/i",
      problem: (text) => problems.push(text),
    }).map(({ contentType, fileName, payload }) => ({ contentType, fileName, payload: decodeUtf8(payload) }));
    if (error !== undefined || problems.length > 0) continue;
    compared++;
    expect({ text: cases[index], parts }).toEqual({ text: cases[index], parts: answer });
  }
  expect(compared).toBeGreaterThan(1000);
}, 60_000);

const word = fc.constantFrom(
  ..."yes No on OFF true False null ~ y n 0 00 07 08 0o7 0x1F 0b11 1_0 +1 -0 1. .5 1e3 1.5e+3 - -- a a-b a#b http://x 'it''s' \"x\\ty\" <<".split(
    " ",
  ),
  "",
  "a # b",
  "'two words'",
  "|\n    block\n     more\n",
  ">-\n    folded\n    text\n\n    next\n",
  "[a, b: c, {d: e}]",
  "{a: 1, b: [yes, 012]}",
  "&x anchor",
);
const yaml = fc
  .array(fc.tuple(fc.constantFrom("", "  ", "- ", "  - ", "k: ", "l: ", "  m: ", "? "), word), { maxLength: 6 })
  .map((lines) => lines.map(([start, text]) => `${start}${text}\n`).join(""));

test("YAML has PyYAML's values", async () => {
  // A number as a key has another form there, which nobody asks for.
  const cases = fc.sample(yaml, { numRuns: 4000, seed: 4 }).filter((text) => !/\? [\d.+-]/.test(text));
  const answers = await askCloudInit<unknown>(cases.map((text) => ({ ask: "yaml", text })));
  let compared = 0;
  const different: unknown[] = [];
  for (const [index, { answer, error }] of answers.entries()) {
    let mine: unknown;
    try {
      mine = parseYaml(cases[index] ?? "");
    } catch (failure) {
      if (error === undefined) different.push([cases[index], answer, (failure as Error).message]);
      continue;
    }
    if (error !== undefined) continue;
    compared++;
    if (!isDeepStrictEqual(mine, answer)) different.push([cases[index], answer, mine]);
  }
  expect(different).toEqual([]);
  expect(compared).toBeGreaterThan(1000);
}, 60_000);
