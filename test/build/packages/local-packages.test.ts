import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findLocalPackages } from "../../../src/build/packages/local-packages.ts";
import { type Lock, lockDrift, readLock, writeLock } from "../../../src/build/packages/lock.ts";
import { openPackages } from "../../../src/build/packages/open.ts";
import type { PackageRequest } from "../../../src/build/packages/request.ts";
import { lockPackages } from "../../../src/build/packages/resolve.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { runOracle } from "../../oracles/run.ts";
import { type FakeArchive, requestTo, startArchive } from "./fake-archive.ts";
import { type FixturePackage, makeDeb } from "./fixtures.ts";

let archive: FakeArchive;
let directory: string;
const at = (name: string) => join(directory, name);

beforeAll(async () => {
  archive = await startArchive();
  directory = await mkdtemp(join(tmpdir(), "cloudimg-local-"));
  await archive.addSuite("debian", "trixie", [
    { name: "web", version: "9", fields: { Depends: "tls" } },
    { name: "lib", fields: { Depends: "deep" } },
    { name: "deep" },
    { name: "openssl", fields: { Provides: "tls" } },
    { name: "user-of-web", fields: { Depends: "web (>= 2)" } },
  ]);
  await put("web.deb", { name: "web", version: "2", fields: { Depends: "lib, tls" } });
});
afterAll(async () => {
  await archive.stop();
  await rm(directory, { recursive: true, force: true });
});

async function put(file: string, fixture: FixturePackage): Promise<void> {
  await writeFile(at(file), makeDeb(fixture));
}

const where = (index: number) => ({ file: "p.yaml", line: index + 1 });

function requestFor(patterns: readonly string[], more: Partial<PackageRequest> = {}): PackageRequest {
  return requestTo(archive, { local: findLocalPackages(patterns.map(at), where), ...more });
}

async function problemsOf(work: () => Promise<unknown>): Promise<string[]> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    return error.problems.map(
      ({ code, message, where }) => `${where?.line} ${code} ${message.replaceAll(`${directory}/`, "")}`,
    );
  }
  return [];
}

async function lockOf(request: PackageRequest): Promise<Lock> {
  return await lockPackages(request, await archive.context());
}

test("a local package is installed with what it depends on, instead of the archive's newer one", async () => {
  const lock = await lockOf(requestFor(["web.deb"], { include: [{ name: "user-of-web" }] }));
  expect(lock.packages.map(({ name, version, archive, path }) => [name, version, archive, path])).toEqual([
    ["deep", "1.0-1", "debian", "pool/main/deep_1.0-1.deb"],
    ["lib", "1.0-1", "debian", "pool/main/lib_1.0-1.deb"],
    ["openssl", "1.0-1", "debian", "pool/main/openssl_1.0-1.deb"],
    ["user-of-web", "1.0-1", "debian", "pool/main/user-of-web_1.0-1.deb"],
    ["web", "2", "local", "web.deb"],
  ]);
  expect(lock.packages.at(-1)).toMatchObject({ requested: true, requiredBy: ["user-of-web"] });
});

test.each(["xz", "zstd", "gzip", "none"])("a package that dpkg-deb makes, compressed by %s", async (compression) => {
  const root = at(`made-${compression}`);
  await mkdir(join(root, "DEBIAN"), { recursive: true });
  await mkdir(join(root, "bin"));
  await writeFile(join(root, "bin/made"), "#!/bin/sh\n", { mode: 0o755 });
  const control = ["Package: made", "Version: 1:2-3", "Architecture: all", "Maintainer: a <a@example.org>"];
  const text = [...control, "Depends: deep,", " lib", "Description: made", " for a test", ""].join("\n");
  await writeFile(join(root, "DEBIAN/control"), text);
  const file = `made-${compression}.deb`;
  const args = ["--build", "--root-owner-group", `-Z${compression}`, root, at(file)];
  expect(await runOracle("dpkg-deb", args)).toMatchObject({ status: 0 });
  const context = await archive.context();
  const request = requestFor([file]);
  const lock = await lockPackages(request, context);
  expect(lock.packages.map(({ name, version }) => [name, version])).toEqual([
    ["deep", "1.0-1"],
    ["lib", "1.0-1"],
    ["made", "1:2-3"],
  ]);
  const node = (await openPackages(lock, request, context)).get("made")?.get("/usr/bin/made");
  expect(node).toMatchObject({ type: "file", mode: 0o755, uid: 0, gid: 0 });
});

test("what a local package provides fulfils others' dependencies", async () => {
  await put("tls.deb", { name: "own-tls", fields: { Provides: "tls" } });
  const lock = await lockOf(requestFor(["web.deb", "tls.deb"]));
  expect(lock.packages.map(({ name }) => name)).toEqual(["deep", "lib", "own-tls", "web"]);
});

test("the lock holds its digest and not its place; it opens from the file, without the network", async () => {
  const context = await archive.context();
  const request = requestFor(["w*.deb"], { exclude: ["lib", "tls", "openssl"] });
  const lock = await lockPackages(request, context);
  await writeLock(at("a.lock.yaml"), lock, context);
  const again = await readLock(at("a.lock.yaml"));
  expect(again).toEqual(lock);
  expect(JSON.stringify(again)).not.toContain(directory);
  archive.requests.length = 0;
  const trees = await openPackages(again, request, context);
  expect(trees.get("web")?.get("/usr/share/web")).toMatchObject({ type: "file", origin: "package web" });
  expect(archive.requests).toEqual([]);
});

test("another content, name or number of files is drift", async () => {
  await put("app.deb", { name: "app" });
  const lock = await lockOf(requestFor(["app.deb"]));
  expect(lockDrift(lock, requestFor(["app.deb"]))).toEqual([]);
  expect(lockDrift(lock, requestFor([]))).toEqual([expect.stringMatching(/^local: app.deb [0-9a-f]{64} is gone$/)]);
  await put("app.deb", { name: "app", version: "2" });
  expect(lockDrift(lock, requestFor(["app.deb"]))).toEqual([
    expect.stringMatching(/^local: app.deb [0-9a-f]{64} is new$/),
    expect.stringMatching(/^local: app.deb [0-9a-f]{64} is gone$/),
  ]);
  const problems = problemsOf(async () => openPackages(lock, requestFor(["app.deb"]), await archive.context()));
  expect(await problems).toEqual([
    "undefined profile/lock-drift cannot add the package app: its file is not the one that was locked",
  ]);
});

test("files that are not there, are no packages, are for another processor, or come twice: all told, with place", async () => {
  expect(await problemsOf(async () => requestFor(["none.deb", "none-*.deb"]))).toEqual([
    "1 profile/no-source cannot add none.deb: there is no such file",
    "2 profile/no-source cannot add none-*.deb: nothing matches it",
  ]);
  await writeFile(at("text.deb"), "text");
  await put("arm.deb", { name: "arm", fields: { Architecture: "arm64" } });
  await put("nameless.deb", { name: "" });
  await copyFile(at("web.deb"), at("web2.deb"));
  const request = requestFor(["text.deb", "arm.deb", "nameless.deb", "web.deb", "web2.deb"]);
  expect(await problemsOf(() => lockOf(request))).toEqual([
    "2 profile/bad-archive cannot install arm.deb: it is for arm64, the image for amd64",
    "3 profile/bad-archive cannot install nameless.deb: its control file has no Package, Version or Architecture",
    "1 profile/bad-archive cannot install text.deb: it does not start like a .deb file",
    "5 profile/bad-archive cannot install web2.deb: there is another local package web",
  ]);
});
