import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { cloudimg, repository, temporaryDirectory } from "./cloudimg.ts";

// What a verb does not need, it does not load: an SDK costs between a third of a second and three. By the modules that are loaded, not by time.

const trace = fileURLToPath(new URL("trace-modules.ts", import.meta.url));
const sdks = /\/node_modules\/(@aws-sdk\/|@smithy\/|tencentcloud-|@alicloud\/|ssh2\/|@huaweicloud\/|openpgp\/)/;

async function modulesOf(words: readonly string[]) {
  const directory = temporaryDirectory();
  const path = join(directory, "modules");
  const { code, stderr } = await cloudimg(words, {
    nodeOptions: ["--import", trace],
    environment: { CLOUDIMG_TEST_MODULES: path, CLOUDIMG_DATA: join(directory, "data") },
  });
  const modules = readFileSync(path, "utf8").trim().split("\n");
  return { code, stderr, modules };
}

const profile = "cloud-profiles/local.yaml";

test.each([
  "--help",
  "--version",
  `validate ${profile}`,
  `plan ${profile}`,
  "runs",
  "images",
  "instances",
  "publish --help",
  "clean",
])("%s: no SDK is loaded", { timeout: 60_000 }, async (words) => {
  const { code, stderr, modules } = await modulesOf(words.split(" "));
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  // The trace works: the program itself is in it.
  expect(modules).toContainEqual(expect.stringMatching(/\/src\/cli\.ts$/));
  expect(modules.filter((url) => sdks.test(url))).toEqual([]);
});

test.each(["--help", "publish --help"])("%s: no profile, no build is loaded", async (words) => {
  const { modules } = await modulesOf(words.split(" "));
  const foreign = modules.filter((url) => url.includes("/node_modules/"));
  expect(foreign.filter((url) => !url.includes("/node_modules/commander/"))).toEqual([]);
  expect(modules.filter((url) => /\/src\/(build|rehearsal|machine|smoke|providers|guest-config)\//.test(url))).toEqual(
    [],
  );
});

test("the trace sees an SDK where one is used", { timeout: 60_000 }, async () => {
  const directory = temporaryDirectory();
  const path = join(directory, "modules");
  const script = join(repository, "src/providers/s3-client.ts");
  const program = `const { openClient } = await import(${JSON.stringify(script)}); await openClient({ dialect: { endpoint: () => "x" }, credentials: {}, region: "x", connection: {} }).catch(() => {});`;
  execFileSync(process.execPath, ["--import", trace, "--input-type=module", "-e", program], {
    env: { ...process.env, CLOUDIMG_TEST_MODULES: path },
  });
  expect(readFileSync(path, "utf8")).toMatch(sdks);
});
