import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { load } from "./profile/profile-files.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** As GitHub names them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

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

test.each(["docs/publishing.md", "docs/zh/publishing.md"])("the profile in %s is valid", async (path) => {
  const [profile, ...others] = [...read(path).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text as string);
  expect(others).toEqual([]);
  const { profile: loaded } = await load({ "greeter.yaml": profile as string });
  expect(loaded.provider.name).toEqual(["tencent", "alibaba", "huawei"]);
});

const pagesIn = (directory: string) =>
  readdirSync(join(root, directory)).flatMap((name) => (name.endsWith(".md") ? [`${directory}/${name}`] : []));
const pages = ["README.md", ...pagesIn("docs"), ...pagesIn("docs/zh")];

test("README.md leads to every page", () => {
  const links = [...read("README.md").matchAll(/\]\((docs\/[^)#]+)\)/g)].map(([, link]) => link);
  const translated = (page: string) => page.startsWith("docs/zh/") && page !== "docs/zh/publishing.md";
  expect(pages.filter((page) => page !== "README.md" && !translated(page) && !links.includes(page))).toEqual([]);
});

test.each(pages)("the links of %s lead to files, and to headings in them", (path) => {
  const links = [...read(path).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
  const lost = links.filter(([, file = "", heading]) => {
    try {
      const text = read(file === "" ? path : join(dirname(path), file));
      return heading !== undefined && !headingsOf(text).includes(heading);
    } catch {
      return true;
    }
  });
  expect(lost.map(([link]) => link)).toEqual([]);
});
