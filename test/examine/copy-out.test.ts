import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { fail } from "../../src/core/errors.ts";
import { encodeName } from "../../src/core/names.ts";
import type { Tree } from "../../src/core/tree.ts";
import { type Copied, copyOut } from "../../src/examine/copy-out.ts";
import { type CopyRequest, planCopy } from "../../src/examine/copy-plan.ts";
import { attributes, file, pattern, sparseSource, symlink } from "../build/filesystems/images.ts";
import { problemsOf, problemsOfAsync, treeOf } from "../build/filesystems/requests.ts";

const directory = { ...attributes, type: "directory" } as const;
const linked = file("two names");

const tree = treeOf({
  "/etc/passwd": file("root\n", { mode: 0o640, uid: 7, gid: 8 }),
  "/etc/link": symlink("passwd"),
  "/etc/closed": { ...directory, mode: 0o500 },
  "/etc/closed/inside": file("in"),
  "/etc/null": { ...attributes, type: "character-device", major: 1, minor: 3 },
  "/etc/pipe": { ...attributes, type: "fifo" },
  "/etc/su": file("su", { mode: 0o4755 }),
  "/first": linked,
  "/second": linked,
  "/sparse": file(sparseSource(50_000_000, [0, 30_000_000])),
  "/zeros": file({ sizeBytes: 1_000_000, extents: [], read: (target) => void target.fill(0) }),
  "/big": file(pattern(700_000)),
  "/with-attribute": file("x", { xattrs: new Map([["user.a", Uint8Array.of(1)]]) }),
});

function destination(): string {
  const path = mkdtempSync(join(tmpdir(), "cloudimg-copy-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function copy(
  from: Tree,
  paths: readonly string[],
  to: string,
  more: Partial<CopyRequest> & { force?: boolean } = {},
): Promise<Copied> {
  const there = statSync(to, { throwIfNoEntry: false });
  const destinationIs = there === undefined ? "absent" : there.isDirectory() ? "directory" : "other";
  const steps = planCopy({
    tree: from,
    paths,
    destination: to,
    destinationIs,
    recursive: true,
    platform: process.platform,
    ...more,
  });
  return await copyOut(steps, { force: more.force === true, isRoot: false, signal: new AbortController().signal });
}

describe("copies out of an image", () => {
  test("files, directories, links, modes and times", async () => {
    const to = destination();
    const copied = await copy(tree, ["/etc"], to);
    expect(copied).toMatchObject({
      files: 3,
      directories: 2,
      links: 1,
      leftOut: ["/etc/null", "/etc/pipe"],
      withoutSetId: 1,
    });
    const stat = statSync(join(to, "etc/passwd"));
    expect([stat.mode & 0o7777, stat.mtimeMs, readFileSync(join(to, "etc/passwd"), "utf8")]).toEqual([
      0o640,
      1_700_000_000_000,
      "root\n",
    ]);
    expect(readlinkSync(join(to, "etc/link"))).toBe("passwd");
    expect(lstatSync(join(to, "etc/link")).mtimeMs).toBe(1_700_000_000_000);
    expect([statSync(join(to, "etc/closed")).mode & 0o7777, statSync(join(to, "etc")).mtimeMs]).toEqual([
      0o500, 1_700_000_000_000,
    ]);
    expect(statSync(join(to, "etc/su")).mode & 0o7777).toBe(0o755);
  });

  test("under another name, where there is nothing yet", async () => {
    const to = join(destination(), "other");
    await copy(tree, ["/etc/passwd"], to);
    expect(readFileSync(to, "utf8")).toBe("root\n");
  });

  test("further names stay further names", async () => {
    const to = destination();
    await copy(tree, ["/"], to);
    expect(statSync(join(to, "first")).ino).toBe(statSync(join(to, "second")).ino);
  });

  test("holes stay holes, and every byte is right", async () => {
    const to = destination();
    const copied = await copy(tree, ["/sparse", "/zeros", "/big"], to);
    expect(copied.bytes).toBe(700_200);
    const sparse = readFileSync(join(to, "sparse"));
    const expected = new Uint8Array(50_000_000);
    sparseSource(50_000_000, [0, 30_000_000]).read(expected, 0);
    expect(sparse.equals(expected)).toBe(true);
    if (process.platform === "linux") expect(statSync(join(to, "sparse")).blocks * 512).toBeLessThan(1_000_000);
    expect(statSync(join(to, "zeros")).size).toBe(1_000_000);
    expect(readFileSync(join(to, "big")).equals(pattern(700_000))).toBe(true);
  });

  test.runIf(process.platform === "linux")("names that are not UTF-8", async () => {
    const to = destination();
    await copy(treeOf({ "/a\udcff\udc80b": file("odd"), "/é\n": file("line") }), ["/"], to);
    const names = readdirSync(to, { encoding: "buffer" }).map((name) => name.toString("hex"));
    expect(names.sort()).toEqual(
      [encodeName("a\udcff\udc80b"), encodeName("é\n")].map((name) => Buffer.from(name).toString("hex")).sort(),
    );
  });

  test("what is lost is told", async () => {
    expect(await copy(tree, ["/with-attribute"], destination())).toMatchObject({ withoutXattrs: 1 });
  });
});

describe("what is there", () => {
  test("stays, unless forced", async () => {
    const to = destination();
    writeFileSync(join(to, "passwd"), "mine");
    const [problem] = await problemsOfAsync(() => copy(tree, ["/etc/passwd"], to));
    expect(problem).toMatchObject({ code: "usage/exists", hint: expect.stringContaining("--force") });
    expect(readFileSync(join(to, "passwd"), "utf8")).toBe("mine");
    await copy(tree, ["/etc/passwd"], to, { force: true });
    expect(readFileSync(join(to, "passwd"), "utf8")).toBe("root\n");
  });

  test("nothing is made if anything is there", async () => {
    const to = destination();
    mkdirSync(join(to, "etc"));
    writeFileSync(join(to, "etc/su"), "mine");
    await problemsOfAsync(() => copy(tree, ["/first", "/etc"], to));
    expect(readdirSync(to)).toEqual(["etc"]);
  });

  test("a file does not replace a directory, even if forced", async () => {
    const to = destination();
    mkdirSync(join(to, "passwd"));
    const [problem] = await problemsOfAsync(() => copy(tree, ["/etc/passwd"], to, { force: true }));
    expect(problem?.code).toBe("usage/exists");
  });

  test("two sources need a directory", () => {
    const request = {
      tree,
      destination: "/nowhere/x",
      destinationIs: "absent",
      recursive: false,
      platform: "linux",
    } as const;
    expect(problemsOf(() => planCopy({ ...request, paths: ["/first", "/second"] }))[0]?.code).toBe("usage/arguments");
    expect(problemsOf(() => planCopy({ ...request, paths: ["/etc"] }))[0]).toMatchObject({
      code: "image/no-path",
      hint: expect.stringContaining("-r"),
    });
  });
});

describe("an image that means harm", () => {
  const outside = () => {
    const base = destination();
    mkdirSync(join(base, "inside"));
    writeFileSync(join(base, "victim"), "mine");
    return { base, to: join(base, "inside") };
  };

  /** A tree cannot hold such names in the middle of a path; a reader that lets them through must not matter. */
  function treeWithName(name: string): Tree {
    const evil = treeOf({ "/d/x": file("evil") });
    return Object.assign(Object.create(evil), {
      get: (path: string) => evil.get(path.endsWith(`/${name}`) ? "/d/x" : path),
      resolve: (path: string) => evil.resolve(path),
      list: (path: string) => (path === "/d" ? [name] : evil.list(path)),
    });
  }

  test.each(["..", ".", "a/b", "../victim", "", "x\0y"])("has a file that is called %j", async (name) => {
    const { base, to } = outside();
    const [problem] = await problemsOfAsync(() => copy(treeWithName(name), ["/d"], to));
    expect(problem?.code).toBe("image/damaged");
    expect(readdirSync(base, { recursive: true }).sort()).toEqual(["inside", "victim"]);
  });

  test("has a link out of it, and files behind it", async () => {
    const { base, to } = outside();
    await copy(treeOf({ "/d/link": symlink("../.."), "/d/z": file("z") }), ["/d"], to);
    expect(readlinkSync(join(to, "d/link"))).toBe("../..");
    // The same again, where the link now is a directory of the image.
    const second = treeOf({ "/d/link/victim": file("evil"), "/d/z": file("z") });
    const [problem] = await problemsOfAsync(() => copy(second, ["/d"], to, { force: true }));
    expect(problem?.code).toBe("usage/exists");
    expect(readFileSync(join(base, "victim"), "utf8")).toBe("mine");
  });

  test("would write through a link that is there", async () => {
    const { base, to } = outside();
    symlinkSync("../victim", join(to, "first"));
    await copy(tree, ["/first"], to, { force: true });
    expect(readFileSync(join(base, "victim"), "utf8")).toBe("mine");
    expect(readFileSync(join(to, "first"), "utf8")).toBe("two names");
  });

  test.each(["CON", "a:b", "nul.txt", "x ", "a\\b", "tab\t"])("has the name %j, which Windows does not", (name) => {
    const request = {
      paths: ["/d"],
      destination: "out",
      destinationIs: "absent",
      recursive: true,
      platform: "win32",
    } as const;
    expect(problemsOf(() => planCopy({ ...request, tree: treeWithName(name) }))[0]?.code).toBe("host/unsupported");
  });
});

test("what cannot be read is left out and told, the rest is copied", async () => {
  const to = destination();
  const broken = {
    sizeBytes: 10,
    extents: [{ offsetBytes: 0, lengthBytes: 10 }],
    read: () => fail("image/damaged", "cannot read a block"),
  };
  const problems = await problemsOfAsync(() =>
    copy(treeOf({ "/d/a": file("a"), "/d/broken": file(broken), "/d/c": file("c") }), ["/d"], to),
  );
  expect(problems).toEqual([{ code: "image/damaged", message: "/d/broken: cannot read a block" }]);
  expect(readdirSync(join(to, "d"))).toEqual(["a", "c"]);
});

test("a copy that is interrupted leaves no half of a file", async () => {
  const to = destination();
  const abort = new AbortController();
  const slow = {
    ...sparseSource(40_000_000, [0, 20_000_000]),
    read: () => abort.abort(new Error("interrupted")),
  };
  const steps = planCopy({
    ...{ tree: treeOf({ "/slow": file(slow) }), paths: ["/slow"], destination: to, destinationIs: "directory" },
    recursive: false,
    platform: process.platform,
  });
  await expect(copyOut(steps, { force: false, isRoot: false, signal: abort.signal })).rejects.toThrow("interrupted");
  expect(readdirSync(to)).toEqual([]);
});
