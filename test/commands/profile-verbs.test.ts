import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { writeFiles } from "../profile/profile-files.ts";

const cli = fileURLToPath(new URL("../../src/start.ts", import.meta.url));

/** Runs the command line as a user does, in a directory of its own. */
function cloudimg(cwd: string, ...args: string[]): Promise<{ exitCode: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

test("init writes a profile that validate likes, outside of any checkout, and never writes over it", async () => {
  const directory = await writeFiles({});
  const made = await cloudimg(directory, "init", "greeter");
  expect(made).toMatchObject({ exitCode: 0, stderr: "" });
  expect(made.stdout).toMatch(/^cloud-profiles\/greeter\.yaml\n/);
  expect(await cloudimg(directory, "validate", "greeter")).toEqual({
    exitCode: 0,
    stdout: "cloud-profiles/greeter.yaml: good\n",
    stderr: "",
  });
  const before = await readFile(join(directory, "cloud-profiles/greeter.yaml"), "utf8");
  expect(await cloudimg(directory, "init", "greeter")).toEqual({
    exitCode: 2,
    stdout: "",
    stderr:
      "error: cannot write cloud-profiles/greeter.yaml: it exists already [usage/exists]\n  hint: choose another name, or edit that file\n",
  });
  expect(await readFile(join(directory, "cloud-profiles/greeter.yaml"), "utf8")).toBe(before);
});

test("init leaves nothing behind where it cannot write", async () => {
  const directory = await writeFiles({ taken: "a file where the directory should be" });
  const { exitCode, stderr } = await cloudimg(directory, "init", "taken/greeter.yaml");
  expect(exitCode).toBe(4);
  expect(stderr).toContain("cannot make the directory taken");
  expect(await readdir(directory)).toEqual(["taken"]);
});

test("init refuses a name that no image can have", async () => {
  const directory = await writeFiles({});
  const { exitCode, stderr } = await cloudimg(directory, "init", "My Image");
  expect(exitCode).toBe(2);
  expect(stderr).toContain('cannot name an image "My Image"');
});

test("validate lists the problems of all profiles, as text and as JSON", async () => {
  const directory = await writeFiles({ "a.yaml": "imgae: { name: a }\n", "b.yaml": "image: { name: B }\n" });
  const text = await cloudimg(directory, "validate", "a.yaml", "b.yaml");
  expect(text).toMatchObject({ exitCode: 3, stdout: "" });
  expect(text.stderr).toBe(
    `error: a.yaml:1:1: cannot use this profile: unknown key "imgae" [profile/invalid]
  hint: did you mean "image"?
error: b.yaml:1:16: cannot use this profile: image.name must be at most 60 lower-case letters, digits, dots and dashes, and start with a letter or digit, not "B" [profile/invalid]
`,
  );
  const json = await cloudimg(directory, "validate", "--json", "a.yaml", "b.yaml");
  expect(json).toMatchObject({ exitCode: 3, stderr: "" });
  expect(JSON.parse(json.stdout)).toMatchObject({
    type: "error",
    exitCode: 3,
    problems: [
      { code: "profile/invalid", where: { file: "a.yaml", line: 1, column: 1 }, hint: 'did you mean "image"?' },
      { code: "profile/invalid", where: { file: "b.yaml", line: 1, column: 16 } },
    ],
  });
});
