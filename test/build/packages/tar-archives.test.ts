import { link, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { treeOfEntries } from "../../../src/build/packages/deb.ts";
import { readTar } from "../../../src/build/packages/tar.ts";
import { openArchives } from "../../../src/build/packages/tar-archives.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import type { Context } from "../../../src/core/context.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { textOfTree } from "../filesystems/tree-text.ts";
import { compress, makeTar, tarHeader } from "./fixtures.ts";

let directory: string;
let context: Context;
const at = (...names: string[]) => join(directory, ...names);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cloudimg-archives-"));
  context = {
    emit: () => {},
    signal: new AbortController().signal,
    directories: { cache: at("cache"), data: at("data") },
    environment: {},
    jobs: 2,
  };
  await mkdir(at("root/app-1/bin"), { recursive: true });
  await writeFile(at("root/app-1/bin/run"), "#!/bin/sh\n", { mode: 0o755 });
  await link(at("root/app-1/bin/run"), at("root/app-1/bin/hard"));
  await symlink("bin/run", at("root/app-1/link"));
  await writeFile(at(`root/app-1/${"n".repeat(200)}`), "long");
  // 8 MiB of which two places hold data, and a file that ends in a hole.
  const sparse = await open(at("root/app-1/sparse"), "w");
  await sparse.write("first", 1024 * 1024);
  await sparse.write("second", 6 * 1024 * 1024 + 17);
  await sparse.truncate(8 * 1024 * 1024);
  await sparse.close();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function tar(name: string, ...args: string[]): Promise<string> {
  const path = at(name);
  const owner = ["--owner=:1234", "--group=:56", "--sort=name", "--mtime=@5"];
  const { status, output } = await runOracle("tar", ["-c", ...owner, ...args, "-C", at("root"), "-f", path, "app-1"]);
  expect({ status, output }).toEqual({ status: 0, output: "" });
  return path;
}

async function openOne(source: string, strip = 0): Promise<Tree> {
  const [tree] = await openArchives([{ source, strip }], () => ({ file: "p.yaml", line: 9 }), context);
  return tree as Tree;
}

async function said(sources: readonly string[]): Promise<string[]> {
  const archives = sources.map((source) => ({ source, strip: 0 }));
  try {
    await openArchives(archives, (index) => ({ file: "p.yaml", line: index + 1 }), context);
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    return error.problems.map(
      ({ code, message, where }) => `${where?.line} ${code} ${message.replaceAll(`${directory}/`, "")}`,
    );
  }
  return [];
}

test.each(["tar", "tar.gz", "tar.xz", "tar.zst", "tgz"])(
  "%s: what tar packs, with owners, links and times",
  async (suffix) => {
    const plain = await readFile(await tar("plain.tar"));
    const kind = { tar: "none", "tar.gz": "gz", "tar.xz": "xz", "tar.zst": "zst", tgz: "gz" }[suffix] as "gz";
    await writeFile(at(`app.${suffix}`), compress(plain, kind));
    const tree = await openOne(at(`app.${suffix}`));
    expect(textOfTree(tree)).toMatchObject({
      "/app-1/bin/hard": expect.stringMatching(/^file 0755 1234:56 5 10 /),
      "/app-1/bin/run": "link /app-1/bin/hard",
      "/app-1/link": "symlink 0777 1234:56 5 -> bin/run",
      [`/app-1/${"n".repeat(200)}`]: expect.stringMatching(/^file 0644 1234:56 5 4 /),
    });
    expect(tree.get("/app-1/bin/run")?.origin).toBe("profile archives[0]");
  },
);

test("leading directories are taken off, and programs do not move to /usr", async () => {
  const tree = await openOne(await tar("plain.tar"), 1);
  expect(tree.list("/")).toContain("bin");
  expect(tree.get("/bin/hard")).toBe(tree.get("/bin/run"));
  expect((await openOne(await tar("plain.tar"), 2)).list("/")).toEqual(["hard", "run"]);
  expect([...(await openOne(await tar("plain.tar"), 9)).entries()]).toHaveLength(1);
});

describe("sparse files", () => {
  test.each([
    ["GNU", ["--format=gnu"]],
    ["pax 0.0", ["--format=pax", "--sparse-version=0.0"]],
    ["pax 0.1", ["--format=pax", "--sparse-version=0.1"]],
    ["pax 1.0", ["--format=pax", "--sparse-version=1.0"]],
  ])("%s: holes stay holes", async (name, args) => {
    const tree = await openOne(await tar(`${name.replace(/\W/g, "")}.tar`, "--sparse", ...args));
    const node = tree.get("/app-1/sparse");
    if (node?.type !== "file") throw new Error("no file");
    expect(Buffer.from(readAll(node.content)).equals(await readFile(at("root/app-1/sparse")))).toBe(true);
    expect(node.content.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)).toBeLessThan(100_000);
    // What follows a sparse file is read from the right place.
    expect(tree.list("/app-1")).toEqual(["bin", "link", "n".repeat(200), "sparse"]);
  });

  test("many parts, in more blocks than the header has room for", async () => {
    const file = await open(at("root/app-1/sparse"), "w");
    for (let part = 0; part < 60; part++) await file.write(`part ${part}`, part * 65536);
    await file.close();
    const tree = await openOne(await tar("parts.tar", "--sparse", "--format=gnu"));
    const node = tree.get("/app-1/sparse");
    expect(node?.type === "file" && Buffer.from(readAll(node.content))).toEqual(
      await readFile(at("root/app-1/sparse")),
    );
  });
});

test("bad archives: all told, each with its place", async () => {
  const bad: Record<string, Buffer> = {
    "text.tar": Buffer.from("x".repeat(1024)),
    "empty.tar": Buffer.alloc(0),
    "wrong.tar.gz": makeTar([{ path: "a" }]),
    "wrong.tar.xz": makeTar([{ path: "a" }]),
    "wrong.tar.zst": makeTar([{ path: "a" }]),
    "out.tar": makeTar([{ path: "../../etc/passwd", content: "x" }]),
    "through-link.tar": makeTar([
      { path: "a", link: "/etc" },
      { path: "a/passwd", content: "x" },
    ]),
    "hard-directory.tar": makeTar([{ path: "a/" }, { path: "b", hardLink: "a" }]),
    "negative.tar": withField(124, Buffer.from([0xff, ...Array(10).fill(0xff), 0x00])),
    "owner.tar": withField(108, Buffer.from([0x80, 0, 0, 1, 0, 0, 0, 0])),
  };
  for (const [name, bytes] of Object.entries(bad)) await writeFile(at(name), bytes);
  const sources = [...Object.keys(bad).map((name) => at(name)), at("none.tar"), at("root")];
  expect(await said(sources)).toEqual([
    "1 profile/bad-archive cannot unpack text.tar: its tar archive is damaged at byte 0",
    "2 profile/bad-archive cannot unpack empty.tar: its tar archive is cut short",
    "3 profile/bad-archive cannot unpack wrong.tar.gz: incorrect header check",
    expect.stringMatching(/^4 profile\/bad-archive cannot unpack wrong.tar.xz: /),
    expect.stringMatching(/^5 profile\/bad-archive cannot unpack wrong.tar.zst: /),
    "6 profile/bad-archive cannot unpack out.tar: ../../etc/passwd leads out of the package",
    expect.stringMatching(/^7 profile\/bad-archive cannot unpack through-link.tar: cannot put a file at \/a/),
    "8 profile/bad-archive cannot unpack hard-directory.tar: /b is a hard link to a directory",
    "9 profile/bad-archive cannot unpack negative.tar: an entry of its tar archive, at byte 0, is cut short",
    "10 profile/bad-archive cannot unpack owner.tar: /a has the owner 4294967296",
    "11 profile/no-source cannot add none.tar: there is no such file",
    "12 profile/no-source cannot add root: it is a directory",
  ]);
});

function withField(offset: number, value: Buffer): Buffer {
  const header = tarHeader({ path: "a" }, 0);
  value.copy(header, offset);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, Buffer.alloc(1024)]);
}

test("whatever is done to an archive, reading it gives a tree or says what is wrong", async () => {
  const whole = await readFile(await tar("fuzz.tar", "--sparse", "--format=pax"));
  const gnu = await readFile(await tar("fuzz-gnu.tar", "--sparse", "--format=gnu"));
  const mutation = fc.record({
    base: fc.constantFrom(whole.subarray(0, 16384), gnu.subarray(0, 16384)),
    changes: fc.array(fc.tuple(fc.nat(16383), fc.nat(255)), { maxLength: 8 }),
    end: fc.nat(16384),
    fixChecksums: fc.boolean(),
  });
  const numRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 400);
  fc.assert(
    fc.property(mutation, ({ base, changes, end, fixChecksums }) => {
      const bytes = Buffer.from(base);
      for (const [offset, value] of changes) bytes[offset] = value;
      if (fixChecksums) fixAll(bytes);
      try {
        const tree = treeOfEntries(readTar(bytes.subarray(0, end), "a"));
        for (const [, node] of tree.entries())
          if (node.type === "file" && node.content.sizeBytes < 1e7) readAll(node.content);
      } catch (error) {
        if (!(error instanceof SyntaxError) && !(error instanceof CloudimgError)) throw error;
      }
    }),
    { numRuns },
  );
});

/** Makes every block that looks like a header one with a right checksum, so that mutations get past it. */
function fixAll(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const header = bytes.subarray(at, at + 512);
    if (header.toString("latin1", 257, 262) !== "ustar") continue;
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
}
