import { describe, expect, test } from "vitest";
import { verbs } from "../../src/commands/verbs.ts";
import { cloudimg } from "./cloudimg.ts";

describe("the command line", () => {
  test("--help lists every verb in a line each", async () => {
    const { code, stdout } = await cloudimg(["--help"]);
    expect(code).toBe(0);
    for (const { name, summary, hidden } of verbs)
      if (hidden !== true)
        expect(stdout.split("\n").some((line) => line.includes(`  ${name} `) && line.includes(summary))).toBe(true);
  });

  test("without a verb it shows the help", async () => {
    const { code, stdout } = await cloudimg([]);
    expect(code).toBe(0);
    expect(stdout).toContain("publish");
  });

  test.each(verbs.map(({ name, examples }) => [name, examples] as const))(
    "%s --help has an example",
    async (name, examples) => {
      const { code, stdout } = await cloudimg([name, "--help"]);
      expect(code).toBe(0);
      for (const example of examples) expect(stdout).toContain(example);
    },
  );

  test("an unknown verb is refused with the one that was meant", async () => {
    const { code, stderr } = await cloudimg(["pubish"]);
    expect(code).toBe(2);
    expect(stderr).toContain("hint: did you mean publish?");
  });

  test("an unknown option is refused", async () => {
    const { code, stderr } = await cloudimg(["build", "--outptu", "x"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--output");
  });

  test.each([
    ["check --for tencent disk.raw", /'disk\.raw' is invalid.*\n {2}hint: .*put other arguments before --for\n$/],
    ["convert disk.raw", /missing required argument 'OUT' \[usage\/arguments\]\n {2}hint: cloudimg convert --help/],
    ["diff a b c", /too many arguments for 'diff'.*\n {2}hint: cloudimg diff --help/],
    ["convert a b --format", /--format <FORMAT>' argument missing/],
  ])("%s: what is wrong and what to do", async (args, message) => {
    const { code, stdout, stderr } = await cloudimg(args.split(" "));
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, ""]);
    const json = await cloudimg([...args.split(" "), "--json"]);
    if (!args.endsWith("--format"))
      expect(JSON.parse(json.stdout)).toMatchObject({ type: "error", problems: [{ code: "usage/arguments" }] });
  });

  test("--jobs must be a number", async () => {
    const { code, stderr } = await cloudimg(["build", "--jobs", "many"]);
    expect(code).toBe(2);
    expect(stderr).toContain("whole number");
  });
});
