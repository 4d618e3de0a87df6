import { link, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { treeOfTar } from "../../../src/build/packages/deb.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import { encodeName } from "../../../src/core/names.ts";
import { runOracle } from "../../oracles/run.ts";
import { makeTar, tarHeader } from "./fixtures.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cloudimg-tar-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const long = "n".repeat(120);
const deep = Array.from({ length: 20 }, (_, at) => `directory-${at}`).join("/");
const target = `../${"t".repeat(150)}`;

describe("tar archives that tar writes", () => {
  beforeAll(async () => {
    const root = join(directory, "root");
    await mkdir(join(root, deep), { recursive: true });
    await writeFile(join(root, long), "long");
    await writeFile(join(root, deep, "file"), "deep");
    await writeFile(join(root, "naïve ☃"), "unicode");
    await writeFile(Buffer.concat([Buffer.from(`${root}/latin-`), Buffer.from([0xe9])]), "latin");
    await writeFile(join(root, "exact"), Buffer.alloc(512, 120));
    await writeFile(join(root, "empty"), "");
    await symlink(target, join(root, "link"));
    await link(join(root, long), join(root, "hard"));
    await utimes(join(root, "exact"), 1_234_567_890, 1_234_567_890);
  });

  test.each(["gnu", "pax"])("in %s format: long names and targets, any bytes, links", async (format) => {
    const path = join(directory, `${format}.tar`);
    const numbers = ["--owner=:3000000", "--group=:70000"];
    const { status, output } = await runOracle("tar", [
      "-c",
      `--format=${format}`,
      ...numbers,
      "-C",
      join(directory, "root"),
      "-f",
      path,
      ".",
    ]);
    expect({ status, output }).toEqual({ status: 0, output: "" });
    const tree = treeOfTar(await readFile(path), "a");
    const content = (name: string) => {
      const node = tree.get(name);
      return node?.type === "file" ? Buffer.from(readAll(node.content)).toString() : undefined;
    };
    expect(content(`/${long}`)).toBe("long");
    expect(content(`/${deep}/file`)).toBe("deep");
    expect(content("/naïve ☃")).toBe("unicode");
    expect(content("/empty")).toBe("");
    expect(tree.get("/hard")).toBe(tree.get(`/${long}`));
    expect(tree.get("/link")).toMatchObject({ type: "symlink", target });
    expect(tree.get("/exact")).toMatchObject({ mtime: 1_234_567_890, uid: 3_000_000, gid: 70_000 });
    const latin = tree.list("/").find((name) => name.startsWith("latin-")) as string;
    expect([...encodeName(latin)].at(-1)).toBe(0xe9);
  });
});

describe("tar archives by hand", () => {
  const nodeAt = (bytes: Buffer, path: string) => treeOfTar(bytes, "a").get(path);
  const pax = (...records: [string, string | Buffer][]) => {
    const pieces = records.map(([key, value]) => {
      const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    });
    return { path: "pax", type: "x", content: Buffer.concat(pieces) };
  };

  test("extended attributes, whatever bytes they hold", () => {
    const value = Buffer.from([1, 0, 10, 255, 61]);
    const bytes = makeTar([
      pax(["SCHILY.xattr.security.capability", value], ["SCHILY.xattr.user.a", "b"]),
      { path: "./ping", content: "x" },
      { path: "./next" },
    ]);
    const node = nodeAt(bytes, "/ping");
    expect([...(node?.xattrs ?? [])].map(([key, bytes]) => [key, Buffer.from(bytes)])).toEqual([
      ["security.capability", value],
      ["user.a", Buffer.from("b")],
    ]);
    expect(nodeAt(bytes, "/next")?.xattrs).toBeUndefined();
  });

  test("a pax header's size, path and time win over the entry's own", () => {
    const bytes = makeTar([
      pax(["path", "./real"], ["mtime", "1700000000.75"], ["uid", "9"]),
      { path: "./other", content: "abc" },
    ]);
    expect(nodeAt(bytes, "/real")).toMatchObject({ type: "file", mtime: 1_700_000_000, uid: 9 });
    expect(nodeAt(bytes, "/other")).toBeUndefined();
  });

  test("ustar's prefix", () => {
    const header = tarHeader({ path: "name" }, 0);
    header.write("some/where", 345, "latin1");
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    expect(nodeAt(Buffer.concat([header, Buffer.alloc(1024)]), "/some/where/name")?.type).toBe("file");
  });

  test.each<[string, () => Buffer, string]>([
    ["cut in a file", () => makeTar([{ path: "./a", content: "x".repeat(2000) }]).subarray(0, 1024), "is cut short"],
    [
      "cut at a boundary",
      () => makeTar([{ path: "./a", content: "x" }]).subarray(0, 1024),
      "its tar archive is cut short",
    ],
    [
      "with a wrong checksum",
      () => {
        const bytes = makeTar([{ path: "./a" }]);
        bytes[0] = 66;
        return bytes;
      },
      "its tar archive is damaged at byte 0",
    ],
    [
      "with a hard link to nothing",
      () => makeTar([{ path: "./a", hardLink: "./b" }]),
      "/a is a hard link to /b, which is not there",
    ],
    ["with a hard link that leads out", () => makeTar([{ path: "./a", hardLink: "../b" }]), "../b leads out"],
    [
      "with what is no file",
      () => makeTar([{ path: "./a", type: "V" }]),
      'is of a kind ("V") that no file system holds',
    ],
    [
      "with a damaged pax header",
      () => makeTar([{ path: "x", type: "x", content: "99 a=b\n" }, { path: "a" }]),
      "a pax header of its tar archive is damaged",
    ],
  ])("%s: refused", (_name, make, reason) => {
    expect(() => treeOfTar(make(), "a")).toThrow(reason);
  });
});
