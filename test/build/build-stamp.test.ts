import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildStamp } from "../../src/build/build-stamp.ts";
import { createContext } from "../../src/commands/environment.ts";
import { loadProfile } from "../../src/profile/load.ts";

let directory: string;
const at = (...names: string[]) => join(directory, ...names);
const result = { name: "a", files: [{ path: "out/a.raw" }] };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-stamp-"));
  const files: Record<string, string> = {
    "a.yaml": [
      "image: { name: a }",
      "files: [{ source: 'site/*', target: /srv }]",
      "overlays: [overlay]",
      "archives: [{ source: app.tar }]",
      "packages: { local: ['*.deb'] }",
      "changes: [{ path: /etc/x, replace: { source: x } }]",
    ].join("\n"),
    "a.lock.yaml": "lock",
    "site/index.html": "hello",
    "overlay/etc/deep/file": "text",
    "app.tar": "tar",
    "app.deb": "deb",
    x: "x",
    "out/a.raw": "image",
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  }
});
afterEach(() => rmSync(directory, { recursive: true }));

async function stamp(options: unknown = {}) {
  const environment = { CLOUDIMG_CACHE: at("cache"), CLOUDIMG_DATA: at("data") };
  const context = createContext(() => {}, new AbortController().signal, 1, environment);
  const loaded = await loadProfile(at("a.yaml"), { environment });
  return buildStamp({ loaded, directory: at("out"), options }, context);
}

async function isUnchanged(options?: unknown): Promise<boolean> {
  return (await (await stamp(options))?.unchanged()) !== undefined;
}

test("what a build has left is known as long as nothing changes", async () => {
  expect(await isUnchanged()).toBe(false);
  await (await stamp())?.keep(result, [at("out/a.raw")]);
  expect(await (await stamp())?.unchanged()).toEqual(result);
  expect(await isUnchanged({ formats: ["qcow2"] })).toBe(false);
});

test.each<[what: string, change: () => void]>([
  ["the profile", () => appendFileSync(at("a.yaml"), "\nusers: [{ name: ada }]\n")],
  ["the lock", () => appendFileSync(at("a.lock.yaml"), "\n")],
  ["a lock that is gone", () => rmSync(at("a.lock.yaml"))],
  ["a file", () => writeFileSync(at("site/index.html"), "jello")],
  ["one more that the glob matches", () => writeFileSync(at("site/more"), "")],
  ["a file deep in an overlay", () => writeFileSync(at("overlay/etc/deep/file"), "next")],
  ["one file less in an overlay", () => rmSync(at("overlay/etc/deep/file"))],
  ["an archive", () => writeFileSync(at("app.tar"), "rat")],
  ["a local package", () => writeFileSync(at("app.deb"), "bed")],
  ["the source of a change", () => writeFileSync(at("x"), "y")],
  ["the output", () => writeFileSync(at("out/a.raw"), "egami")],
  ["an output that is gone", () => rmSync(at("out/a.raw"))],
])("%s: then there is something to do", async (_, change) => {
  await (await stamp())?.keep(result, [at("out/a.raw")]);
  expect(await isUnchanged()).toBe(true);
  change();
  expect(await isUnchanged()).toBe(false);
});

test("a file whose time was set back is still another one", async () => {
  await (await stamp())?.keep(result, [at("out/a.raw")]);
  utimesSync(at("site/index.html"), 1, 1);
  expect(await isUnchanged()).toBe(false);
});

test("a profile with hooks is always built", async () => {
  writeFileSync(at("hook.ts"), "export const transform = () => {};\n");
  appendFileSync(at("a.yaml"), "\nhooks: [hook.ts]\n");
  expect(await stamp()).toBeUndefined();
});

test("a record that went bad is no record", async () => {
  await (await stamp())?.keep(result, [at("out/a.raw")]);
  const { globSync } = await import("node:fs");
  for (const path of globSync(at("cache/builds/*.json"))) writeFileSync(path, "{");
  expect(await isUnchanged()).toBe(false);
});
