import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openImage } from "../../../src/build/disk-formats/open-image.ts";
import { runOracle } from "../../oracles/run.ts";
import { prose } from "./disks.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-open-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

async function overlay(name: string, backing: string, ...more: string[]): Promise<string> {
  const path = join(directory, name);
  const args = ["create", "-q", "-u", "-f", "qcow2", "-b", backing, ...more, path, "1M"];
  const { status, output } = await runOracle("qemu-img", args);
  expect(status, output).toBe(0);
  return path;
}

const failure = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

describe("openImage", () => {
  test("what is nothing else is raw, and its bytes are the disk", () => {
    const content = prose(4096);
    for (const name of ["disk.raw", "disk.img", "disk"]) {
      const image = openImage(file(name, content));
      expect(image).toMatchObject({ format: "raw", fileBytes: 4096, problems: [], otherFiles: [] });
      const bytes = new Uint8Array(100);
      image.disk.read(bytes, 1000);
      expect(Buffer.from(bytes)).toEqual(Buffer.from(content.subarray(1000, 1100)));
      image.close();
    }
  });

  test("a file that takes no space is all hole", () => {
    const path = file("hole.raw", "");
    truncateSync(path, 1024 ** 3);
    const image = openImage(path);
    expect(image.disk).toMatchObject({ sizeBytes: 1024 ** 3, extents: [] });
    image.close();
  });

  test("content tells, not the name; a name that says otherwise is told", async () => {
    const path = await overlay("disk.raw", "x.raw", "-F", "raw");
    file("x.raw", prose(512));
    const image = openImage(path);
    expect(image).toMatchObject({ format: "qcow2", problems: ["its name says raw, but it is qcow2"] });
    image.close();
    truncateSync(path, 256 * 1024);
    const asRaw = openImage(path, { format: "raw" });
    expect(asRaw).toMatchObject({ format: "raw", problems: [] });
    asRaw.close();
  });

  test.each([
    ["nothing there", () => join(directory, "absent"), "image/not-found", "there is no such file"],
    ["a directory", () => directory, "image/not-an-image", "it is a directory"],
    ["an empty file", () => file("a.raw", ""), "image/not-an-image", "it is empty"],
    ["a part of a sector", () => file("a.raw", prose(1000)), "image/not-an-image", "this file has 1000 bytes"],
    ["one byte", () => file("a", "x"), "image/not-an-image", "this file has 1 bytes"],
    ["text under qcow2's name", () => file("a.qcow2", prose(512)), "image/not-an-image", "it is not a qcow2 file"],
    ["only qcow2's magic number", () => file("a", "QFI\xfb"), "image/not-an-image", "this file has"],
  ])("%s is refused", (_, make, code, message) => {
    expect(() => openImage(make())).toThrow(failure(code, message));
  });

  test("the format that is asked for must be", () => {
    const path = file("a.raw", prose(512));
    expect(() => openImage(path, { format: "qcow2" })).toThrow(failure("image/not-an-image", "it is not a qcow2 file"));
    expect(() => openImage(path, { format: "bochs" })).toThrow(failure("image/unsupported", '"bochs" is not known'));
  });

  test("backing files are looked for beside the image, not in the working directory", async () => {
    mkdirSync(join(directory, "bases"));
    const base = file("bases/base.raw", prose(1024));
    const path = await overlay("a.qcow2", "bases/base.raw", "-F", "raw");
    symlinkSync(path, join(directory, "bases", "link.qcow2"));
    const image = openImage(path);
    expect(image.otherFiles).toEqual([base]);
    image.close();
    // As QEMU: beside the link, for that is the name it was given.
    expect(() => openImage(join(directory, "bases", "link.qcow2"))).toThrow(failure("image/not-found", "bases/bases"));
  });

  test("loops, also by another name", async () => {
    await overlay("a.qcow2", "b.qcow2", "-F", "qcow2");
    await overlay("b.qcow2", "c.qcow2", "-F", "qcow2");
    linkSync(join(directory, "a.qcow2"), join(directory, "c.qcow2"));
    expect(() => openImage(join(directory, "a.qcow2"))).toThrow(failure("image/damaged", "it is based on itself"));
  });

  test("a chain may be 64 files long and no longer", async () => {
    file("0.qcow2.raw", prose(512));
    await overlay("1.qcow2", "0.qcow2.raw", "-F", "raw");
    for (let index = 2; index <= 64; index++) await overlay(`${index}.qcow2`, `${index - 1}.qcow2`, "-F", "qcow2");
    const image = openImage(join(directory, "63.qcow2"));
    expect(image.otherFiles.length).toBe(63);
    image.close();
    expect(() => openImage(join(directory, "64.qcow2"))).toThrow(failure("image/unsupported", "more than 64 files"));
  });

  test.each([
    ["nbd://127.0.0.1/x", "image/unsupported"],
    ['json:{"driver":"null-co"}', "image/unsupported"],
    ["absent.raw", "image/not-found"],
  ])("a backing file %s", async (name, code) => {
    const path = await overlay("a.qcow2", name, "-F", "raw");
    expect(() => openImage(path)).toThrow(expect.objectContaining({ code }));
  });

  test.runIf(process.platform === "linux")("whatever happens, all files are closed", async () => {
    const openFiles = () => readdirSync("/proc/self/fd").length;
    file("base.raw", prose(1024));
    const good = await overlay("a.qcow2", "base.raw", "-F", "raw");
    const bad = await overlay("b.qcow2", "absent", "-F", "raw");
    closeSync(openSync(good, "r"));
    const before = openFiles();
    openImage(good).close();
    expect(() => openImage(bad)).toThrow();
    expect(() => openImage(good, { format: "vhd" })).toThrow();
    expect(openFiles()).toBe(before);
  });
});
