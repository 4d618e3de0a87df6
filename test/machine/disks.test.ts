import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CloudimgError } from "../../src/core/errors.ts";
import { emitSource } from "../../src/core/output.ts";
import { openDiskImage } from "../../src/machine/disk-image.ts";
import { overlayDisk } from "../../src/machine/overlay.ts";
import { runOracle } from "../oracles/run.ts";
import { oracle } from "../oracles/tools.ts";
import { bootProgram } from "./boot-programs.ts";
import { temporaryDirectory } from "./support.ts";

async function qemuImg(...words: string[]): Promise<string> {
  const [program = "", ...first] = await oracle("qemu-img");
  return execFileSync(program, [...first, ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

function codeOf(path: string): string {
  try {
    openDiskImage(path);
  } catch (error) {
    if (error instanceof CloudimgError) return `${error.code}: ${error.message.replace(path, "FILE")}`;
  }
  return "no error";
}

describe("an overlay", () => {
  const [mib, gib, tib] = [1024 ** 2, 1024 ** 3, 1024 ** 4];
  test.each([
    ["of the image's size", mib],
    ["one sector larger", mib + 512],
    ["of one L2 table", 512 * mib],
    ["one sector past an L2 table", 512 * mib + 512],
    ["of 10 GiB", 10 * gib],
    ["of one cluster of L1 entries", 4 * tib],
    ["of more", 4 * tib + 512],
  ])("%s is sound to qemu-img and shows the image, then zeros", async (_name, sizeBytes) => {
    const directory = temporaryDirectory();
    const image = openDiskImage(bootProgram(directory, "text", "hang", "ü 'image.raw"));
    const path = join(directory, "overlay.qcow2");
    const fd = openSync(path, "w");
    await emitSource(overlayDisk(image, sizeBytes), fd, { signal: new AbortController().signal });
    closeSync(fd);
    expect(await qemuImg("check", "--output=json", path).then((text) => JSON.parse(text))).toMatchObject({
      "check-errors": 0,
      "image-end-offset": expect.any(Number),
    });
    expect(JSON.parse(await qemuImg("info", "--output=json", path))).toMatchObject({
      "virtual-size": sizeBytes,
      "backing-filename": image.path,
      "backing-filename-format": "raw",
    });
    expect(await qemuImg("compare", "-f", "qcow2", "-F", "raw", path, image.path)).toMatch(
      /^(Warning.*\n)?Images are identical/,
    );
  });

  test("cannot be smaller than its image", () => {
    const image = openDiskImage(bootProgram(temporaryDirectory(), "", "hang"));
    expect(() => overlayDisk(image, image.sizeBytes - 512)).toThrow(RangeError);
  });
});

describe("an image file", () => {
  test("is known by its content", async () => {
    const directory = temporaryDirectory();
    const raw = bootProgram(directory, "text", "hang");
    expect(openDiskImage(raw)).toEqual({ path: raw, format: "raw", sizeBytes: 1024 * 1024 });
    for (const compat of ["0.10", "1.1"]) {
      const qcow2 = join(directory, `${compat}.img`);
      await qemuImg("convert", "-O", "qcow2", "-o", `compat=${compat}`, raw, qcow2);
      expect(openDiskImage(qcow2)).toEqual({ path: qcow2, format: "qcow2", sizeBytes: 1024 * 1024 });
    }
  });

  test.for([
    ["vpc", "-o", "subformat=dynamic"],
    ["vpc", "-o", "subformat=fixed"],
    ["vdi", "-o", "static=off"],
    ["vdi", "-o", "static=on"],
    ["vmdk", "-o", "subformat=monolithicSparse"],
    ["vmdk", "-o", "subformat=streamOptimized"],
    ["vmdk", "-o", "subformat=monolithicFlat"],
  ])(
    "of somebody else's format is known, and an overlay shows what is in it: %s %s %s",
    async ([format, ...options]) => {
      const directory = temporaryDirectory();
      const raw = bootProgram(directory, "text", "hang");
      const path = join(directory, "other 'image");
      await qemuImg("convert", "-O", format as string, ...options, raw, path);
      const image = openDiskImage(path);
      // qemu-img itself rounds a VHD up to whole cylinders.
      expect(image).toMatchObject({ path, format });
      const overlay = join(directory, "overlay.qcow2");
      const fd = openSync(overlay, "w");
      await emitSource(overlayDisk(image, image.sizeBytes), fd, { signal: new AbortController().signal });
      closeSync(fd);
      expect(await qemuImg("compare", "-f", "qcow2", "-F", "raw", overlay, raw)).toMatch(/Images are identical/);
    },
  );

  test("may be a file system without a partition table", async () => {
    const path = join(temporaryDirectory(), "bare.raw");
    writeFileSync(path, new Uint8Array(1024 ** 2));
    const { status } = await runOracle("mke2fs", ["-q", "-F", path]);
    expect(status).toBe(0);
    expect(openDiskImage(path)).toEqual({ path, format: "raw", sizeBytes: 1024 ** 2 });
  });

  test("that is not one is refused, with why", async () => {
    const directory = temporaryDirectory();
    const raw = bootProgram(directory, "text", "hang");
    const at = (name: string, content: string | Uint8Array) => {
      const path = join(directory, name);
      writeFileSync(path, content);
      return path;
    };
    expect(codeOf(join(directory, "missing"))).toBe(
      "image/not-found: cannot use the image FILE: there is no such file",
    );
    mkdirSync(join(directory, "directory"));
    expect(codeOf(join(directory, "directory"))).toBe("image/not-an-image: cannot use FILE: it is not a regular file");
    const neither = "image/not-an-image: cannot use FILE: it is neither a disk image nor a raw disk with a boot sector";
    expect(codeOf(at("text", "hello\n"))).toBe(neither);
    expect(codeOf(at("empty", ""))).toBe(neither);
    expect(codeOf(at("zeros", new Uint8Array(4096)))).toBe(neither);
    truncateSync(raw, 1000);
    expect(codeOf(raw)).toMatch(/a raw disk has whole sectors, this file has 1000 bytes/);
    expect(codeOf(at("qcow9", Buffer.concat([Buffer.from("QFI\xfb\0\0\0\x09", "latin1"), Buffer.alloc(100)])))).toMatch(
      /its qcow2 version is 9/,
    );
    expect(codeOf(at("short", Buffer.from("QFI\xfb\0\0\0\x03", "latin1")))).toBe(neither);
  });

  test("that depends on another, or was cut off, is refused", async () => {
    const directory = temporaryDirectory();
    const raw = bootProgram(directory, "text", "hang");
    const child = join(directory, "child.qcow2");
    await qemuImg("create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", child);
    expect(codeOf(child)).toMatch(/it is only a difference to another image/);
    const whole = join(directory, "whole.qcow2");
    await qemuImg("convert", "-O", "qcow2", raw, whole);
    truncateSync(whole, 512);
    expect(codeOf(whole)).toMatch(/its qcow2 header does not fit the file/);
  });
});
