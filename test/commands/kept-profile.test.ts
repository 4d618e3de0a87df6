import { globSync, statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createContext } from "../../src/commands/environment.ts";
import { openProfile } from "../../src/commands/open-profile.ts";
import { loadProfile } from "../../src/profile/load.ts";
import { writeFiles } from "../profile/profile-files.ts";

const files = {
  "own.yaml": "extends: base.yaml\nfiles: [{ target: /etc/motd, content: hello }]\n",
  "base.yaml": "image: { name: kept }\nextends: cloudimg:base\n",
};

/** Opens profiles with a cache of its own, and says how many are kept. */
async function opener(contents: Record<string, string>, environment: Record<string, string> = {}) {
  const directory = await writeFiles(contents);
  const cache = join(directory, "cache");
  const surroundings: Record<string, string> = { ...environment, CLOUDIMG_CACHE: cache };
  const context = createContext(() => {}, new AbortController().signal, 1, surroundings);
  return {
    path: (name: string) => join(directory, name),
    surroundings,
    open: (name = "own.yaml") => openProfile(join(directory, name), context),
    kept: () => globSync(join(cache, "kept/profiles/*/*")),
  };
}

test("a profile that is kept is the one that was loaded, and nobody else may read it", async () => {
  const { open, path, kept } = await opener(files);
  const first = await open();
  const [place = ""] = kept();
  expect(statSync(place).mode & 0o777).toBe(0o600);
  const again = await open();
  expect(again).not.toBe(first);
  expect(again).toEqual(await loadProfile(path("own.yaml"), { environment: {} }));
});

test("a change of any of its files is seen, also that one is gone", async () => {
  const { open, path } = await opener(files);
  await open();
  await writeFile(path("base.yaml"), files["base.yaml"].replace("kept", "other"));
  expect((await open()).profile.image.name).toBe("other");
  await open();
  await rm(path("base.yaml"));
  await expect(open()).rejects.toThrow("there is no such file");
});

test("what depends on more than its files is not kept: set variables, hooks", async () => {
  const named = { "own.yaml": `image: { name: "\${env:NAME:-default}" }\nextends: cloudimg:base\n` };
  const withDefault = await opener(named);
  await withDefault.open();
  expect(await withDefault.kept()).toHaveLength(1);
  withDefault.surroundings["NAME"] = "chosen";
  expect((await withDefault.open()).profile.image.name).toBe("chosen");

  const chosen = await opener(named, { NAME: "chosen" });
  await chosen.open();
  expect(await chosen.kept()).toEqual([]);

  const hooked = await opener({ ...files, "own.yaml": "extends: base.yaml\nhooks: [hook.ts]\n", "hook.ts": "" });
  await hooked.open();
  expect(await hooked.kept()).toEqual([]);
});

test("profiles with mistakes are not kept", async () => {
  const { open, kept } = await opener({ "own.yaml": "imgae: { name: a }\n" });
  await expect(open()).rejects.toThrow("imgae");
  expect(kept()).toEqual([]);
});
