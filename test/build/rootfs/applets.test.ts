import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { addApplets, busyboxApplets, busyboxPath } from "../../../src/build/rootfs/applets.ts";
import { treeMaker } from "../../../src/build/rootfs/tree-maker.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import { realPackages } from "./real-packages.ts";
import { fileNode, saidOf, treeOf } from "./trees.ts";

const needed = ["[", "[[", "ash", "busybox", "findfs", "init", "insmod", "ip", "modprobe", "mount", "poweroff", "sh"];
const table = [...needed, "switch_root", "udhcpc", "umount", "zcat"];

function executable(names: readonly string[], before: string): Buffer {
  return Buffer.from(`\x7fELF rubbish\0busybox\0more\0${before}${names.join("\0")}\0\0after\0`, "latin1");
}

test("the applets found in Debian's busybox are those that it lists itself", async () => {
  const { packages } = await realPackages();
  const node = packages.get("busybox-static")?.get(busyboxPath);
  if (node?.type !== "file") throw new Error("no busybox");
  const bytes = readAll(node.content);
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-busybox-"));
  try {
    // This very program, and not what this host may have of that name.
    const path = join(directory, "busybox");
    writeFileSync(path, bytes, { mode: 0o755 });
    const listed = execFileSync(path, ["--list"], { encoding: "utf8" });
    expect(busyboxApplets(bytes)).toEqual(listed.trim().split("\n"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 300_000);

test.each(["", "\0", "x\xc0 ", "name\0", "text that ends with a dot."])(
  "the first name is found behind %j",
  (before) => {
    expect(busyboxApplets(executable(table, before))).toEqual(table);
  },
);

test("what has no table, or one without what a boot needs, is refused", () => {
  expect(saidOf(() => busyboxApplets(Buffer.from("\x7fELF nothing here")))).toEqual([
    expect.stringContaining("image/unsupported: cannot use /usr/bin/busybox: it has no applet init, ip, insmod"),
  ]);
  const lame = table.filter((name) => name !== "switch_root");
  expect(saidOf(() => busyboxApplets(executable(lame, " ")))).toEqual([
    "image/unsupported: cannot use /usr/bin/busybox: it has no applet switch_root",
  ]);
});

test("links go where busybox would put them, and never over a package's program", () => {
  const tree = treeOf("package busybox-static", {
    [busyboxPath]: executable(table, " "),
    "/usr/bin/zcat": fileNode("package gzip", "the real one"),
  });
  const maker = treeMaker("cloudimg", 7, tree, { replace: true });
  expect(addApplets(maker, tree)).toBe(table.length - 2);
  expect(tree.get("/usr/sbin/init")).toMatchObject({ type: "symlink", target: "../bin/busybox" });
  expect(tree.get("/usr/bin/sh")).toMatchObject({ type: "symlink", target: "busybox" });
  expect(tree.get("/usr/bin/[[")).toMatchObject({ type: "symlink", target: "busybox" });
  expect(tree.get("/usr/bin/zcat")).toMatchObject({ type: "file", origin: "package gzip" });
});

test("an image without busybox says which package to add", () => {
  const tree = treeOf("package none", {});
  expect(saidOf(() => addApplets(treeMaker("cloudimg", 7, tree), tree))).toEqual([
    "image/missing-program: cannot make a system: the image has no /usr/bin/busybox",
  ]);
});

test("as scripts, where a link would become a copy: all but what runs them", () => {
  const tree = treeOf("package busybox-static", { [busyboxPath]: executable(table, " ") });
  const maker = treeMaker("cloudimg", 7, tree, { replace: true });
  addApplets(maker, tree, { asScripts: true });
  const mount = tree.get("/usr/bin/mount");
  expect(mount?.type === "file" && Buffer.from(readAll(mount.content)).toString()).toBe(
    '#!/usr/bin/busybox sh\nexec /usr/bin/busybox mount "$@"\n',
  );
  expect(mount?.mode).toBe(0o755);
  expect(tree.get("/usr/bin/sh")).toMatchObject({ type: "symlink", target: "busybox" });
  expect(tree.get("/usr/sbin/init")).toMatchObject({ type: "symlink", target: "../bin/busybox" });
});
