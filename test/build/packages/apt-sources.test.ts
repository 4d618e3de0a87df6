import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDeb822, parseOneLine, readAptSources } from "../../../src/build/packages/apt-sources.ts";
import { findMirrors } from "../../../src/build/packages/mirrors.ts";

describe("sources of apt", () => {
  test("one-line format", () => {
    const text = `
# deb http://commented.example/debian trixie main
deb http://one.example/debian trixie main contrib # why
deb [arch=amd64 signed-by=/k.gpg] https://two.example/debian/ trixie-updates main
deb-src http://source.example/debian trixie main
deb cdrom:[Debian]/ trixie main
  deb   http://three.example/ubuntu   noble   main
`;
    expect(parseOneLine(text)).toEqual([
      { url: "http://one.example/debian", suites: ["trixie"] },
      { url: "https://two.example/debian", suites: ["trixie-updates"] },
      { url: "http://three.example/ubuntu", suites: ["noble"] },
    ]);
  });

  test("deb822 format: several values, continuation lines, comments, what is switched off", () => {
    const text = `Types: deb deb-src
# a comment in between
URIs: http://one.example/debian
 http://two.example/debian/
Suites: trixie
 trixie-updates
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: trixie

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
`;
    const suites = ["trixie", "trixie-updates"];
    expect(parseDeb822(text)).toEqual([
      { url: "http://one.example/debian", suites },
      { url: "http://two.example/debian", suites },
    ]);
  });
});

describe("mirrors", () => {
  let apt: string;
  beforeAll(async () => {
    apt = await mkdtemp(join(tmpdir(), "cloudimg-apt-"));
    await mkdir(join(apt, "sources.list.d"));
    await writeFile(
      join(apt, "sources.list"),
      "deb http://old.example/debian bookworm main\ndeb http://tools.example/node nodistro main\n",
    );
    await writeFile(
      join(apt, "sources.list.d", "b.sources"),
      "Types: deb\nURIs: http://sec.example/x/debian-security\nSuites: trixie-security\n",
    );
    await writeFile(join(apt, "sources.list.d", "a.list"), "deb http://new.example/debian trixie main\n");
    await writeFile(join(apt, "sources.list.d", "c.list.disabled"), "deb http://off.example/debian trixie main\n");
  });
  afterAll(() => rm(apt, { recursive: true }));

  const find = (request: object, environment = {}) =>
    findMirrors({ suite: "trixie", ...request }, { environment }, apt);

  test("the host's: that of the wanted suite first", async () => {
    expect((await readAptSources(apt)).map(({ url }) => url)).toHaveLength(4);
    expect(await find({})).toEqual({
      debian: ["http://new.example/debian", "http://old.example/debian"],
      "debian-security": [
        "http://sec.example/x/debian-security",
        "http://new.example/debian-security",
        "http://old.example/debian-security",
      ],
    });
  });

  test("a named one goes before, with its security archive beside it", async () => {
    const named = { debian: ["https://m.example/debian"], "debian-security": ["https://m.example/debian-security"] };
    expect(await find({ mirror: "https://m.example/debian/" })).toEqual(named);
    expect(await find({}, { CLOUDIMG_MIRROR: "https://m.example/debian" })).toEqual(named);
    expect(
      (await find({ mirror: "https://m.example/debian" }, { CLOUDIMG_MIRROR: "https://other.example/debian" })).debian,
    ).toEqual(named.debian);
    expect(
      (await find({ mirror: "https://m.example/debian", securityMirror: "https://s.example/sec" }))["debian-security"],
    ).toEqual(["https://s.example/sec"]);
  });
});
