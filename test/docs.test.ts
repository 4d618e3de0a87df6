import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { load } from "./profile/profile-files.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

test("docs/dependencies.md gives a reason for every dependency, and for nothing else", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const [, runTime = "", development = ""] = read("docs/dependencies.md").split(/^## .*$/m);
  const listed = (text: string) => [...text.matchAll(/^- `(.+?)`: .{10,}/gm)].map(([, name]) => name);
  expect(listed(runTime)).toEqual(Object.keys(dependencies).sort());
  expect(listed(development)).toEqual(Object.keys(devDependencies).sort());
});

test("the profile in README.md is valid", async () => {
  const profiles = [...read("README.md").matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text as string);
  expect(profiles).toHaveLength(1);
  const { profile } = await load({ "greeter.yaml": profiles[0] as string });
  expect(profile.packages.include).toContain("jq");
});

test.each([
  "README.md",
  "docs/quick-start.md",
  "docs/architecture.md",
  "docs/contents.md",
  "docs/initializer.md",
  "docs/looking-inside.md",
  "docs/profile.md",
])("the links of %s lead to files", (path) => {
  const links = [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link as string);
  const lost = links.filter((link) => {
    try {
      read(join(dirname(path), link));
      return false;
    } catch {
      return true;
    }
  });
  expect(lost).toEqual([]);
});
