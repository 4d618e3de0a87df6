import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";
import type { Context } from "../../src/core/context.ts";
import { type FakeArchive, startArchive } from "./packages/fake-archive.ts";

const run = promisify(execFile);
let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "cloudimg-tools-"));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

function realContext(environment: Record<string, string> = {}): Context {
  return createContext(() => {}, new AbortController().signal, 2, {
    ...process.env,
    ...environment,
    CLOUDIMG_CACHE: cache,
  });
}

describe("tools from Debian's packages", () => {
  test("a program runs by its own loader; the second time without a network, in an instant", {
    timeout: 120_000,
  }, async () => {
    const tools = await obtainTools(["hello"], realContext());
    const [program = "", ...words] = tools.command("hello");
    expect(program).toMatch(/\/ld-linux[^/]*$/);
    expect(program.startsWith(tools.directory)).toBe(true);
    expect((await run(program, words, { env: {} })).stdout).toBe("Hello, world!\n");

    const startedMs = performance.now();
    const again = await obtainTools(["hello", "hello"], realContext({ CLOUDIMG_MIRROR: "http://127.0.0.1:9/debian" }));
    expect(performance.now() - startedMs).toBeLessThan(500);
    expect(again.command("hello")).toEqual([program, ...words]);
  });
});

describe("unpacking", () => {
  let archive: FakeArchive;
  let context: Context;
  beforeAll(async () => {
    archive = await startArchive();
    const base = await archive.context();
    context = { ...base, environment: { ...base.environment, CLOUDIMG_MIRROR: `${archive.url}/debian` } };
    const fields = { Architecture: "all" };
    const files = [
      { path: "./bin/sh", content: "\x7fnot ELF", mode: 0o755 },
      { path: "./usr/bin/script", content: "#!/bin/sh -e\n", mode: 0o4755, uid: 5 },
      { path: "./usr/bin/env-script", content: "#!/usr/bin/env sh\n", mode: 0o755 },
      { path: "./usr/sbin/link", link: "/usr/bin/script" },
      { path: "./usr/bin/second", hardLink: "./usr/bin/script" },
      { path: "./usr/share/doc/a/copyright", content: "long" },
      { path: "./dev/null", type: "3", major: 1, minor: 3 },
    ];
    await archive.addSuite("debian", "trixie", [
      { name: "a", fields: { ...fields, Depends: "b" }, files },
      { name: "b", fields },
    ]);
    await archive.addSuite("debian", "trixie-updates", []);
    await archive.addSuite("debian-security", "trixie-security", []);
  });
  afterAll(() => archive.stop());

  test("modes, links, no set-id bits, no devices, no manuals", async () => {
    const { directory } = await obtainTools(["a"], context);
    const script = await stat(join(directory, "usr/bin/script"));
    expect((script.mode & 0o7777).toString(8)).toBe("755");
    expect(script.uid).toBe(process.getuid?.());
    expect((await stat(join(directory, "usr/bin/second"))).ino).toBe(script.ino);
    expect(await readlink(join(directory, "usr/sbin/link"))).toBe("../bin/script");
    expect(existsSync(join(directory, "dev/null"))).toBe(false);
    expect(existsSync(join(directory, "usr/share/doc"))).toBe(false);
    expect(await readFile(join(directory, "usr/share/b"), "utf8")).toBe("b 1.0-1\n");
  });

  test("scripts run by an interpreter of the same packages", async () => {
    const { directory, command } = await obtainTools(["a"], context);
    const at = (path: string) => join(directory, path);
    expect(command("script")).toEqual([at("usr/bin/sh"), "-e", at("usr/bin/script")]);
    expect(command("env-script")).toEqual([at("usr/bin/sh"), at("usr/bin/env-script")]);
    expect(command("link")).toEqual([at("usr/bin/sh"), "-e", at("usr/bin/script")]);
  });

  test("a program that is not there", async () => {
    const { command } = await obtainTools(["a"], context);
    expect(() => command("nothing")).toThrow("cannot run nothing: the unpacked packages have no such program");
  });

  test("three runs at once end with one directory and no remains", async () => {
    const fresh = await archive.context();
    const shared = { ...fresh, environment: context.environment };
    const runs = await Promise.all([1, 2, 3].map(() => obtainTools(["a"], shared)));
    expect(new Set(runs.map(({ directory }) => directory)).size).toBe(1);
    const left = await readdir(join(fresh.cache, "tools"));
    expect(left.filter((name) => !name.endsWith(".json"))).toHaveLength(1);
  });

  test("a locked package that is gone from the archive: resolved again", async () => {
    const fresh = await archive.context();
    const own = { ...fresh, environment: context.environment };
    const { directory } = await obtainTools(["b"], own);
    for (const place of [directory, join(fresh.cache, "downloads"), join(fresh.cache, "unpacked")])
      await rm(place, { recursive: true });
    archive.files.delete("/debian/pool/main/b_1.0-1.deb");
    await archive.addSuite("debian", "trixie", [{ name: "b", version: "2", fields: { Architecture: "all" } }]);
    const again = await obtainTools(["b"], own);
    expect(await readFile(join(again.directory, "usr/share/b"), "utf8")).toBe("b 2\n");
  });
});
