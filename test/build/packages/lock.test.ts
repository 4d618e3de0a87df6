import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkLock, type Lock, readLock, writeLock } from "../../../src/build/packages/lock.ts";
import type { PackageRequest } from "../../../src/build/packages/request.ts";
import { explain, lockPackages } from "../../../src/build/packages/resolve.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { type FakeArchive, requestTo, startArchive } from "./fake-archive.ts";

let archive: FakeArchive;
let directory: string;
let path: string;
let request: PackageRequest;
let lock: Lock;
let text: string;

beforeAll(async () => {
  archive = await startArchive();
  directory = await mkdtemp(join(tmpdir(), "cloudimg-lock-"));
  path = join(directory, "test.lock.yaml");
  const packages = [
    { name: "web", fields: { Depends: "lib" } },
    { name: "lib", fields: { Depends: "deep" } },
    { name: "deep" },
    { name: "boot" },
  ];
  await archive.addSuite("debian", "trixie", packages, { dateMs: Date.UTC(2026, 0, 2) });
  await archive.addSuite("debian", "trixie-updates", [], { dateMs: Date.UTC(2026, 0, 3) });
  await archive.addSuite("debian-security", "trixie-security", [
    { name: "lib", version: "2", fields: { Depends: "deep" } },
  ]);
  request = requestTo(archive, { include: [{ name: "web" }], tools: ["boot"], updates: true, security: true });
  lock = await lockPackages(request, await archive.context());
  await writeLock(path, lock, await archive.context());
  text = await readFile(path, "utf8");
});
afterAll(async () => {
  await archive.stop();
  await rm(directory, { recursive: true, force: true });
});

async function problemsOf(content: string): Promise<CloudimgError["problems"]> {
  const bad = join(directory, "bad.lock.yaml");
  await writeFile(bad, content);
  const error = await readLock(bad).catch((thrown: unknown) => thrown);
  if (!(error instanceof CloudimgError)) throw new Error("it was accepted");
  expect(error.exitCode).toBe(3);
  return error.problems;
}

const lineOf = (word: string) => text.split("\n").findIndex((line) => line.includes(word)) + 1;

describe("lock file", () => {
  test("survives writing and reading", async () => expect(await readLock(path)).toEqual(lock));

  test("is the same whichever mirror it came from, in whichever order was asked", async () => {
    const other = await lockPackages(
      { ...request, components: ["main", "main"], mirror: `${archive.url}/./debian/` },
      await archive.context(),
    );
    expect(other).toEqual(lock);
    expect(text).not.toContain("127.0.0.1");
    expect(text).not.toContain("http");
  });

  test("holds versions, archives, keys, the newest date", () => {
    expect(lock.epochSeconds).toBe(Date.UTC(2026, 0, 3) / 1000);
    expect(lock.archives).toEqual([
      {
        archive: "debian",
        suite: "trixie",
        date: "2026-01-02T00:00:00.000Z",
        keys: [archive.key.getFingerprint().toUpperCase()],
      },
      expect.objectContaining({ archive: "debian", suite: "trixie-updates" }),
      expect.objectContaining({ archive: "debian-security", suite: "trixie-security" }),
    ]);
    expect(lock.packages.map(({ name, version, archive: from, purpose }) => [name, version, from, purpose])).toEqual([
      ["boot", "1.0-1", "debian", "tool"],
      ["deep", "1.0-1", "debian", "image"],
      ["lib", "2", "debian-security", "image"],
      ["web", "1.0-1", "debian", "image"],
    ]);
  });

  test("that is not there", async () => {
    await expect(readLock(join(directory, "none.yaml"))).rejects.toMatchObject({
      code: "profile/lock-missing",
      exitCode: 3,
    });
  });

  test("with a merge conflict left in it", async () => {
    const [problem] = await problemsOf(`${text.split("\n").slice(0, 5).join("\n")}\n<<<<<<< ours\n${text}`);
    expect(problem.code).toBe("profile/lock-syntax");
    expect(problem.where?.line).toBeGreaterThan(4);
  });

  test.each([
    ["a bad digest", /sha256: [0-9a-f]{60}/, "sha256: xyz", "packages.0.sha256"],
    ["a path out of the archive", "pool/main/boot_", "pool/../../boot_", "packages.0.path"],
    ["another format version", "formatVersion: 1", "formatVersion: 2", "formatVersion"],
    ["an unknown key", "    purpose: tool", "    purpose: tool\n    colour: red", "packages.0"],
  ])("with %s: says where", async (_name, from, to, where) => {
    const [problem] = await problemsOf(text.replace(from, to));
    expect(problem).toMatchObject({ code: "profile/lock-invalid", hint: expect.stringContaining("lock --update") });
    expect(problem.message).toContain(`${where}: `);
    expect(problem.where?.line).toBeGreaterThan(1);
  });

  test("every problem has its own line", async () => {
    const problems = await problemsOf(
      text.replace("sizeBytes: ", "sizeBytes: -").replace("suite: trixie-updates", "suite: 5"),
    );
    expect(problems.map(({ where }) => where?.line)).toEqual([lineOf("suite: trixie-updates"), lineOf("sizeBytes: ")]);
  });

  test("whose record of its inputs was edited", async () => {
    const [problem] = await problemsOf(text.replace("    - web", "    - web2"));
    expect(problem.message).toContain("inputsDigest is not their digest");
  });
});

describe("drift", () => {
  test("mirrors make none, nor does the order", () => {
    checkLock(lock, {
      ...request,
      mirror: "https://other/debian",
      securityMirror: "https://other/s",
      allowExpired: true,
    });
    checkLock(lock, { ...request, include: [...request.include, ...request.include] });
  });

  test.each<[Partial<PackageRequest>, string]>([
    [{ include: [{ name: "web" }, { name: "lib", version: ">= 2" }] }, "include: lib (>= 2) is new"],
    [{ include: [] }, "include: web is gone"],
    [{ include: [{ name: "web", files: ["/b", "/a"] }] }, "include: web [/a /b] is new; include: web is gone"],
    [{ exclude: ["deep"] }, "exclude: deep is new"],
    [{ suite: "forky" }, "suite: forky instead of trixie"],
    [{ arch: "arm64" }, "arch: arm64 instead of amd64"],
    [{ security: false }, "security: false instead of true"],
    [{ tools: [] }, "tools: boot is gone"],
  ])("%j", (change, message) => {
    expect(() => checkLock(lock, { ...request, ...change }, "x.lock.yaml")).toThrow(
      `cannot use x.lock.yaml: the profile has changed since it was made: ${message}`,
    );
  });
});

describe("why", () => {
  test("from what was asked for to the package", () => {
    expect(explain(lock, "deep").chain).toEqual(["web", "lib", "deep"]);
    expect(explain(lock, "web")).toMatchObject({ chain: ["web"], package: { requested: true } });
    expect(explain(lock, "boot").chain).toEqual(["boot"]);
  });

  test("not in the lock, with near names", () => {
    expect(() => explain(lock, "dep")).toThrow("cannot explain dep: it is not in the lock");
    try {
      explain(lock, "dep");
    } catch (error) {
      expect((error as CloudimgError).problems[0]).toMatchObject({
        code: "packages/not-found",
        hint: 'did you mean "deep"?',
      });
    }
  });
});
