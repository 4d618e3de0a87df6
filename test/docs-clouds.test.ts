import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { errorCodes } from "../src/core/error-codes.ts";
import { operations } from "../src/providers/huawei/operations.ts";
import { troubles } from "../src/rehearsal/troubles.ts";
import { allowedBy, neededActions } from "./docs-clouds-policies.ts";
import { alternativesOf, readers, samplesOf } from "./docs-clouds-vendor-codes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");

const pages = ["publishing", "tencent", "alibaba", "huawei"] as const;
const clouds = ["tencent", "alibaba", "huawei"] as const;

const blocksOf = (text: string, language = "\\w*") =>
  [...text.matchAll(new RegExp(`^\`\`\`(${language})\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, kind, body = ""]) => ({
    kind,
    body,
  }));

/** Cells without what is around them. */
const rowsOf = (text: string) =>
  [...text.matchAll(/^\| (.+) \|$/gm)]
    .map(([, row = ""]) => row.split(/ \| /).map((cell) => cell.trim()))
    .filter(([first = ""]) => !/^-+/.test(first));

/** Rows of tables whose second column is one of our codes. */
const codeRows = (text: string) =>
  rowsOf(text).flatMap(([vendor = "", ours = ""]) =>
    /^`[a-z]+\/[\w-]+`$/.test(ours)
      ? [{ codes: [...vendor.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code), ours: ours.slice(1, -1) }]
      : [],
  );

test.each(clouds)(
  "the policy for %s allows what its provider and the object store ask for, and nothing else",
  (cloud) => {
    expect(allowedBy(cloud)).toEqual(neededActions(cloud));
  },
);

test("each operation of Huawei's that is declared is used", () => {
  const sources = readdirSync(`${root}src/providers/huawei`)
    .filter((name) => name !== "operations.ts")
    .map((name) => read(`src/providers/huawei/${name}`))
    .join("\n");
  const unused = Object.keys(operations).filter((name) => {
    // Of jobs, the service is put in front.
    return !sources.includes(`"${name}"`) && !sources.includes(`.${name.split(".")[1]}\``);
  });
  expect(unused).toEqual([]);
});

test.each(clouds)("%s: the policies in the page are those of the files", (cloud) => {
  const shown = blocksOf(read(`docs/${cloud}.md`), "json").map(({ body }) => body);
  const files = [...read(`docs/${cloud}.md`).matchAll(/\]\(policies\/([\w-]+\.json)\)/g)].map(([, name]) => name);
  expect(files.length).toBeGreaterThan(0);
  expect(shown).toEqual(files.map((name) => read(`docs/policies/${name}`)));
});

test("every policy is shown in a page", () => {
  const all = clouds.map((cloud) => read(`docs/${cloud}.md`)).join("\n");
  expect(readdirSync(`${root}docs/policies`).filter((name) => !all.includes(`policies/${name}`))).toEqual([]);
});

test.each(pages)("%s: vendors' codes mean what the code makes of them", (page) => {
  const wrong = codeRows(read(`docs/${page}.md`)).flatMap(({ codes, ours }) =>
    codes
      .flatMap(samplesOf)
      .filter((code) => !readers[page].meaningsOf(code).includes(ours))
      .map((code) => `${code}: ${ours} in the page, ${readers[page].meaningsOf(code).join(" or ")} in the code`),
  );
  expect(codeRows(read(`docs/${page}.md`)).length).toBeGreaterThan(5);
  expect(wrong).toEqual([]);
});

test.each(pages)("%s: every vendor's code that the code knows is in the page's table", (page) => {
  const codes = codeRows(read(`docs/${page}.md`)).flatMap((row) => row.codes.flatMap(samplesOf));
  const lost = readers[page].patterns.flatMap((pattern) =>
    alternativesOf(pattern.source).filter(
      (branch) => !codes.some((code) => new RegExp(branch, pattern.flags).test(code)),
    ),
  );
  expect(lost).toEqual([]);
});

test("alternatives of a pattern are found", () => {
  expect(alternativesOf("^(a|b)\\.c$|^d(\\.|$)|e(x|y)?")).toEqual(["^a\\.c$", "^b\\.c$", "^d\\.", "^d$", "e(x|y)?"]);
});

test.each(pages)("%s: the error codes are ours", (page) => {
  const named = [...read(`docs/${page}.md`).matchAll(/`((?:cloud|check|host)\/[\w-]+)`/g)].map(
    ([, code]) => code ?? "",
  );
  expect(named.filter((code) => !(code in errorCodes))).toEqual([]);
});

test("publishing.md names every trouble that a rehearsal can be in", () => {
  const rows = rowsOf(read("docs/publishing.md")).map(([name, what]) => [name?.replaceAll("`", ""), what]);
  expect(rows).toEqual(expect.arrayContaining(Object.entries(troubles)));
});

/** What both languages must have alike. */
function skeleton(text: string) {
  const commands = (body: string) => body.replace(/[ \t]+#.*$/gm, "");
  return {
    headings: [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^(#+) /gm)].map(([, marks]) => marks),
    blocks: blocksOf(text).map(({ kind, body }) => `${kind}\n${commands(body)}`),
    codes: codeRows(text),
    tables: [...text.matchAll(/^\|[-|]+\|$/gm)].map(([line]) => line),
    rows: rowsOf(text).length,
    items: [...text.matchAll(/^(\d+\.|-) /gm)].length,
  };
}

test.each(pages)("%s: the Chinese page has the same sections, commands and tables", (page) => {
  const [english, chinese] = [read(`docs/${page}.md`), read(`docs/zh/${page}.md`)];
  expect(skeleton(chinese)).toEqual(skeleton(english));
  // It is Chinese: most of its letters outside of code are.
  const prose = chinese.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`]*`|\]\([^)]*\)|<[^>]*>/g, "");
  const [han, latin] = [/\p{Script=Han}/gu, /[A-Za-z]+/g].map((pattern) => prose.match(pattern)?.length ?? 0);
  expect(han).toBeGreaterThan(3 * (latin ?? 0));
});
