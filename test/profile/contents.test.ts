import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadProfile } from "../../src/profile/load.ts";
import { complaints, load, writeFiles } from "./profile-files.ts";

test("every path of this host is relative to the profile that names it; what is inherited comes first", async () => {
  const directory = await writeFiles({
    "p.yaml": `
extends: sub/base.yaml
image: { name: a }
packages: { local: [own.deb] }
archives: [{ source: own.tar.gz, target: /opt }]
overlays: [own, { source: ./more/../more }]
changes: [{ path: /etc/own, replace: { source: own } }]
hooks: [own.ts]
`,
    "sub/base.yaml": `
packages: { local: [base-*.deb] }
archives: [{ source: base.tar }]
overlays: [base]
changes: [{ path: /etc/base, replace: { source: base } }, { path: /etc/x, remove: true }]
hooks: [hooks/base.ts]
`,
  });
  const { profile } = await loadProfile(join(directory, "p.yaml"), { environment: {} });
  const at = (name: string) => join(directory, name);
  expect(profile.packages.local).toEqual([at("sub/base-*.deb"), at("own.deb")]);
  expect(profile.archives.map(({ source, target }) => [source, target])).toEqual([
    [at("sub/base.tar"), "/"],
    [at("own.tar.gz"), "/opt"],
  ]);
  expect(profile.overlays).toEqual([at("sub/base"), at("own"), { source: at("more"), target: "/", attributes: [] }]);
  expect(profile.changes.map(({ replace }) => replace?.source)).toEqual([at("sub/base"), undefined, at("own")]);
  expect(profile.hooks).toEqual([at("sub/hooks/base.ts"), at("own.ts")]);
});

test("slips in contents, each with its place", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: a }
archives: [{ source: a.zip }]
overlays: [{ source: a, attributes: [{ path: etc, mode: "0644" }] }]
changes: [{ path: /a, remove: false }]
hooks: [a.sh]
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:22: cannot use this profile: archives[0].source must be a tar archive: .tar, .tar.gz, .tar.xz or .tar.zst, not "a.zip" [profile/invalid]
    p.yaml:3:46: cannot use this profile: overlays[0].attributes[0].path must be a path glob that starts with /, not "etc" [profile/invalid]
    p.yaml:4:31: cannot use this profile: changes[0].remove must be true, or left out, not false [profile/invalid]
    p.yaml:5:9: cannot use this profile: hooks[0] must be a module: .ts, .mts, .js or .mjs, not "a.sh" [profile/invalid]"
  `);
});

test("contradictions in contents, each with its place", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: a }
archives:
  - { source: a.tar, user: root }
overlays:
  - { source: a, attributes: [{ path: /etc }, { path: /etc, group: root }] }
changes:
  - { path: /a }
  - { path: /a, remove: true, mode: "0644" }
  - { path: /a, edit: { match: "(", with: "" } }
  - { path: /a, edit: { match: a, with: "" }, replace: { content: "" } }
  - { path: /a, replace: {} }
  - { path: /a/, group: root, mode: "0644" }
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:3:28: cannot use this profile: archives[0] has a user but no group [profile/invalid]
      hint: add "group" beside it
    p.yaml:5:31: cannot use this profile: overlays[0].attributes[0] changes nothing [profile/invalid]
      hint: add "mode", or "user" and "group"
    p.yaml:5:68: cannot use this profile: overlays[0].attributes[1] has a group but no user [profile/invalid]
      hint: add "user" beside it
    p.yaml:7:5: cannot use this profile: changes[0] changes nothing [profile/invalid]
      hint: add "replace", "edit", "remove", "mode", or "user" and "group"
    p.yaml:8:37: cannot use this profile: changes[1] removes what it gives a mode [profile/invalid]
      hint: keep one of the two
    p.yaml:9:32: cannot use this profile: changes[2].edit.match is not a regular expression: Unterminated group [profile/invalid]
      hint: put a backslash before ( ) [ ] { } . * + ? to mean the character itself
    p.yaml:10:23: cannot use this profile: changes[3] has both replace and edit [profile/invalid]
      hint: make two entries of it
    p.yaml:11:26: cannot use this profile: changes[4].replace has neither source nor content [profile/invalid]
      hint: say where the content comes from, once
    p.yaml:12:13: cannot use this profile: changes[5].path must be without ".", "..", "//" and a slash at its end [profile/invalid]
    p.yaml:12:25: cannot use this profile: changes[5] has a group but no user [profile/invalid]
      hint: add "user" beside it"
  `);
});

test("the digest changes with a hook's text, and with that of what it imports", async () => {
  const directory = await writeFiles({
    "p.yaml": "image: { name: a }\nhooks: [hooks/a.ts]\n",
    "hooks/a.ts": 'import { b } from "../lib/b.ts";\nexport function transform() {}\n',
    "lib/b.ts": 'export * from "./c.ts";\n',
    "lib/c.ts": "export const b = 1;\n",
    "lib/unused.ts": "",
  });
  const digest = async () => (await loadProfile(join(directory, "p.yaml"), { environment: {} })).digest;
  const seen = [await digest()];
  await writeFile(join(directory, "lib/unused.ts"), "changed");
  expect(await digest()).toBe(seen[0]);
  for (const name of ["hooks/a.ts", "lib/b.ts", "lib/c.ts"]) {
    await appendFile(join(directory, name), "// changed\n");
    expect(seen).not.toContain(await digest());
    seen.push(await digest());
  }
});

test("the digest is the same wherever the checkout lies, and changes with what is named", async () => {
  const text = "image: { name: a }\narchives: [{ source: a.tar }]\noverlays: [./o]\nhooks: [h.ts]\n";
  const files = { "p.yaml": text, "h.ts": "export function transform() {}\n" };
  const first = await load(files);
  expect((await load({ ...files, "p.yaml": text.replace("./o", "o") })).digest).toBe(first.digest);
  for (const [from, to] of [
    ["a.tar", "b.tar"],
    ["./o", "p"],
    ["hooks: [h.ts]", ""],
  ] as const)
    expect((await load({ ...files, "p.yaml": text.replace(from, to) })).digest).not.toBe(first.digest);
});
