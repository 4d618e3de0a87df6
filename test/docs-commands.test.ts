import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { verbs } from "../src/commands/verbs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = [
  "README.md",
  ...["docs", "docs/zh"].flatMap((directory) =>
    readdirSync(join(root, directory)).map((name) => `${directory}/${name}`),
  ),
].filter((path) => path.endsWith(".md"));

/** What every verb has besides its own. */
const globalOptions = ["--json", "-v", "--verbose", "-j", "--jobs", "-h", "--help"];

/** Command lines of cloudimg in blocks of shell, in sessions (`$ …`) and in code within a sentence or table. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```/gm)];
  const lines = blocks.flatMap(([, language, body = ""]) =>
    body.split("\n").flatMap((line) => (language === "sh" ? [line] : line.startsWith("$ ") ? [line.slice(2)] : [])),
  );
  const prose = text.replace(/^ *```[\s\S]*?^ *```/gm, "");
  const inline = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
  return [...lines, ...inline].flatMap((line) => {
    const [, rest] = /^(?:\w+=\S+ )*(?:npx )?cloudimg (.+)$/.exec(line.trim()) ?? [];
    return rest === undefined ? [] : [rest];
  });
}

/** What is wrong with a command line: a verb or an option that does not exist, an option's word that it does not take. */
function complaint(command: string): string | undefined {
  // Without comments, what follows a pipe, and quoted words, which are no options.
  const words = command
    .replace(/(?:\s+#.*|\s[|>].*)$/, "")
    .replace(/'[^']*'|"[^"]*"/g, "TEXT")
    .split(/\s+/);
  const verb = verbs.find(({ name }) => name === words[0]);
  if (words[0]?.startsWith("-") || words[0] === "VERB") return undefined;
  if (verb === undefined) return `there is no verb ${words[0]}`;
  for (const [index, word] of words.entries()) {
    if (!word.startsWith("-") || word === "-" || globalOptions.includes(word)) continue;
    const option = verb.options.find(({ short, long }) => word === short || word === long);
    if (option === undefined) return `${verb.name} has no option ${word}`;
    const next = words[index + 1];
    if (option.required && (next === undefined || next.startsWith("-"))) return `${word} has no value`;
    const isPlaceholder = next === undefined || /^[A-Z]+$/.test(next);
    if (option.argChoices === undefined || isPlaceholder) continue;
    try {
      option.parseArg?.(next, undefined);
    } catch {
      return `${word} does not take ${next}`;
    }
  }
  return undefined;
}

test("what is looked for is found", () => {
  expect(
    commandsIn(
      "```sh\nnpx cloudimg ls x # y\nls\n```\n`cloudimg cat x` `cat`\n```text\n$ cloudimg cp\ncloudimg\n```\n",
    ),
  ).toEqual(["ls x # y", "cp", "cat x"]);
  expect(complaint("lss x")).toMatch(/no verb/);
  expect(complaint("ls --nothing x")).toMatch(/no option --nothing/);
  expect(complaint("check x --for mars")).toMatch(/does not take mars/);
  expect(complaint("ls -l 'x:/*.-y' | grep -q z # --w")).toBeUndefined();
});

test.each(pages)("the commands in %s exist, with their options", (path) => {
  const commands = commandsIn(readFileSync(join(root, path), "utf8"));
  expect(commands.flatMap((command) => complaint(command) ?? []).sort()).toEqual([]);
});

test.each(verbs.map(({ name, examples }) => [name, examples] as const))("the examples of %s exist", (_, examples) => {
  const commands = examples.map((line) => /cloudimg (.+)$/.exec(line)?.[1]).filter((line) => line !== undefined);
  expect(commands.flatMap((command) => complaint(command) ?? [])).toEqual([]);
});

test("every verb is shown in some page", () => {
  const shown = new Set(
    pages.flatMap((path) => commandsIn(readFileSync(join(root, path), "utf8"))).map((line) => line.split(" ")[0]),
  );
  expect(verbs.filter(({ name, hidden }) => hidden !== true && !shown.has(name)).map(({ name }) => name)).toEqual([]);
});
