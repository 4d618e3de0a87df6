import { readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Lock } from "../../../src/build/packages/lock.ts";
import { openPackages } from "../../../src/build/packages/open.ts";
import type { PackageRequest } from "../../../src/build/packages/request.ts";
import { lockPackages } from "../../../src/build/packages/resolve.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import { contentPath } from "../../../src/core/cache.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { type FakeArchive, requestTo, serve, startArchive } from "./fake-archive.ts";
import type { FixturePackage } from "./fixtures.ts";

let archive: FakeArchive;
beforeAll(async () => {
  archive = await startArchive();
});
afterAll(() => archive.stop());
beforeEach(() => {
  archive.files.clear();
  archive.requests.length = 0;
  archive.answer = undefined;
});

/** One line per path, as `file 0644 0:0 text`. */
function lines(tree: Tree | undefined): Record<string, string> {
  const described: Record<string, string> = {};
  for (const [path, node] of tree?.entries() ?? []) {
    if (path === "/") continue;
    const mode = node.mode.toString(8).padStart(4, "0");
    const rest =
      node.type === "file"
        ? Buffer.from(readAll(node.content)).toString()
        : node.type === "symlink"
          ? node.target
          : "major" in node
            ? `${node.major}:${node.minor}`
            : "";
    described[path] = `${node.type} ${mode} ${node.uid}:${node.gid} ${rest}`.trimEnd();
  }
  return described;
}

const many: FixturePackage[] = Array.from({ length: 12 }, (_, at) => ({
  name: `p${at}`,
  ...(at > 0 && { fields: { Depends: `p${at - 1}` } }),
}));

async function lockOf(
  packages: readonly FixturePackage[],
  more: Partial<PackageRequest>,
): Promise<[Lock, PackageRequest]> {
  await archive.addSuite("debian", "trixie", packages);
  const request = requestTo(archive, more);
  return [await lockPackages(request, await archive.context()), request];
}

describe("what is in a package", () => {
  const files = [
    { path: "./" },
    { path: "./bin/" },
    { path: "./bin/su", content: "su", mode: 0o4755 },
    { path: "./lib/x/link", link: "../y" },
    { path: "./usr/bin/hard", hardLink: "./bin/su" },
    { path: "./dev/null", type: "3", major: 1, minor: 3, mode: 0o666 },
    { path: "./dev/loop0", type: "4", major: 7, minor: 0, gid: 6 },
    { path: "./run/pipe", type: "6" },
    { path: "./lib64", link: "usr/lib64" },
    { path: "./var/mail/", mode: 0o2775, gid: 8 },
  ];
  const expected = {
    "/dev": "directory 0755 0:0",
    "/dev/loop0": "block-device 0644 0:6 7:0",
    "/dev/null": "character-device 0666 0:0 1:3",
    "/lib64": "symlink 0644 0:0 usr/lib64",
    "/run": "directory 0755 0:0",
    "/run/pipe": "fifo 0644 0:0",
    "/usr": "directory 0755 0:0",
    "/usr/bin": "directory 0755 0:0",
    "/usr/bin/hard": "file 4755 0:0 su",
    "/usr/bin/su": "file 4755 0:0 su",
    "/usr/lib": "directory 0755 0:0",
    "/usr/lib/x": "directory 0755 0:0",
    "/usr/lib/x/link": "symlink 0644 0:0 ../y",
    "/var": "directory 0755 0:0",
    "/var/mail": "directory 2775 0:8",
  };

  test.each(["xz", "gz", "zst", "none"] as const)("data.tar compressed with %s", async (compression) => {
    const [lock, request] = await lockOf([{ name: "a", files, compression }], { include: [{ name: "a" }] });
    const tree = (await openPackages(lock, request, await archive.context())).get("a");
    expect(lines(tree)).toEqual(expected);
    expect(tree?.get("/usr/bin/hard")).toBe(tree?.get("/usr/bin/su"));
    expect(tree?.get("/usr/bin/su")).toMatchObject({ origin: "package a", mtime: 1_700_000_000 });
  });

  test.each([
    [["/bin/su"], ["/usr", "/usr/bin", "/usr/bin/su"]],
    [["/usr/bin/*"], ["/usr", "/usr/bin", "/usr/bin/hard", "/usr/bin/su"]],
    [["/usr/lib"], ["/usr", "/usr/lib", "/usr/lib/x", "/usr/lib/x/link"]],
    [
      ["/dev/null", "/**/link"],
      ["/dev", "/dev/null", "/usr", "/usr/lib", "/usr/lib/x", "/usr/lib/x/link"],
    ],
  ])("only %j of it", async (patterns, paths) => {
    const [lock, request] = await lockOf([{ name: "a", files }], { include: [{ name: "a", files: patterns }] });
    const tree = (await openPackages(lock, request, await archive.context())).get("a");
    expect(Object.keys(lines(tree))).toEqual(paths);
  });
});

describe("caches", () => {
  test("the second time nothing is fetched, and no mirror needs to be known", async () => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p11" }], tools: ["p3"] });
    const context = await archive.context();
    const first = await openPackages(lock, request, context);
    expect([...first.keys()]).toEqual(lock.packages.map(({ name }) => name));
    archive.answer = (_request, response) => void response.writeHead(500).end();
    archive.requests.length = 0;
    const again = await openPackages(lock, { suite: "trixie" }, { ...context, environment: {} });
    expect([...again].map(([name, tree]) => [name, lines(tree)])).toEqual(
      [...first].map(([name, tree]) => [name, lines(tree)]),
    );
    expect(archive.requests).toEqual([]);
  });

  test("unpacked packages that are gone are made from the downloads again", async () => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p1" }] });
    const context = await archive.context();
    await openPackages(lock, request, context);
    await rm(join(context.cache, "unpacked"), { recursive: true });
    archive.requests.length = 0;
    expect((await openPackages(lock, request, context)).size).toBe(2);
    expect(archive.requests).toEqual([]);
  });

  test.each([
    ["changed", async (path: string) => writeFile(path, Buffer.alloc((await stat(path)).size, 65))],
    ["cut short", (path: string) => truncate(path, 10)],
    ["empty", (path: string) => truncate(path, 0)],
  ])("files of the cache that are %s are fetched and made again", async (_name, spoil) => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p1" }] });
    const context = await archive.context();
    const first = lines((await openPackages(lock, request, context)).get("p1"));
    const all = await readdir(context.cache, { recursive: true, withFileTypes: true });
    for (const entry of all.filter((file) => file.isFile())) await spoil(join(entry.parentPath, entry.name));
    const again = await openPackages(lock, request, context);
    expect(lines(again.get("p1"))).toEqual(first);
    const [one] = lock.packages;
    if (one === undefined) throw new Error("nothing is locked");
    expect((await readFile(contentPath(context, one.sha256))).length).toBe(one.sizeBytes);
    // The index too.
    expect((await lockPackages(request, context)).packages).toEqual(lock.packages);
  });

  test("a content that went bad is found when it is read, and made again by the next run", async () => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p0" }] });
    const context = await archive.context();
    await openPackages(lock, request, context);
    const all = await readdir(join(context.cache, "unpacked"), { recursive: true, withFileTypes: true });
    const [file] = all.filter((entry) => entry.isFile());
    const path = join(file?.parentPath ?? "", file?.name ?? "");
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = 65;
    await writeFile(path, bytes);
    const tree = (await openPackages(lock, request, context)).get("p0");
    expect(() => lines(tree)).toThrow("it was damaged in the cache");
    expect(lines((await openPackages(lock, request, context)).get("p0"))).toHaveProperty("/usr/share/p0");
  });

  test("two runs at once share one cache", async () => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p11" }] });
    const context = await archive.context();
    const runs = await Promise.all([1, 2, 3].map(() => openPackages(lock, request, context)));
    for (const trees of runs)
      expect(lines(trees.get("p5"))).toEqual({
        "/usr": "directory 0755 0:0",
        "/usr/share": "directory 0755 0:0",
        "/usr/share/p5": "file 0644 0:0 p5 1.0-1",
      });
    const left = await readdir(context.cache, { recursive: true });
    expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("a cache that cannot be written is said", async () => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p1" }] });
    const context = await archive.context();
    const cache = join(context.cache, "file");
    await writeFile(cache, "");
    const inFile = { ...context, directories: { cache, data: cache } };
    await expect(openPackages(lock, request, inFile)).rejects.toMatchObject({ code: "host/not-writable", exitCode: 4 });
  });
});

describe("while it runs", () => {
  test("the bytes of all downloads are told, and their total from the start", async () => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p11" }] });
    const context = await archive.context();
    await openPackages(lock, request, context);
    const totalBytes = lock.packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const told = context.events.filter((event) => event.type === "step-progress" && event.id === "packages.download");
    expect(told[0]).toMatchObject({ doneBytes: 0, totalBytes });
    expect(told.at(-1)).toMatchObject({ doneBytes: totalBytes, totalBytes });
  });

  test("an interruption ends it at once and leaves nothing half done", async () => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p11" }] });
    const context = await archive.context();
    const controller = new AbortController();
    let served = 0;
    archive.answer = (_request, response, body) => {
      if (++served === 3) controller.abort(new Error("interrupted"));
      if (served < 3) serve(response, body);
    };
    await expect(openPackages(lock, request, { ...context, signal: controller.signal })).rejects.toThrow("interrupted");
    const left = await readdir(context.cache, { recursive: true });
    expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("no more than eight downloads at once, and more than one", async () => {
    const [lock, request] = await lockOf(many, { include: [{ name: "p11" }] });
    let now = 0;
    let most = 0;
    archive.answer = (_request, response, body) => {
      most = Math.max(most, ++now);
      setImmediate(() => {
        now--;
        serve(response, body);
      });
    };
    await openPackages(lock, request, await archive.context());
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
  });
});
