import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { findKernel } from "../../../src/build/rootfs/kernel.ts";
import { hasMultibootHeader } from "../../../src/build/rootfs/multiboot.ts";
import { temporaryDirectory } from "../../cli/cloudimg.ts";

/** A file with a header at this place: its fields, then the checksum that makes their sum 0. */
function kernelWith(at: number, ...fields: readonly number[]): Buffer {
  const file = Buffer.alloc(100_000, 0x90);
  const sum = fields.reduce((total, field) => total + field, 0);
  [...fields, 2 ** 33 - sum].forEach((field, index) => {
    file.writeUInt32LE(field % 2 ** 32, at + 4 * index);
  });
  return file;
}

const second = (at: number) => kernelWith(at, 0xe85250d6, 0, 24);

describe("headers by which GRUB knows multiboot kernels", () => {
  test.each([
    ["multiboot", kernelWith(4, 0x1badb002, 3), true],
    ["multiboot, not aligned", kernelWith(6, 0x1badb002, 3), false],
    ["multiboot, the last place", kernelWith(8192 - 12, 0x1badb002, 3), true],
    ["multiboot, too far", kernelWith(8192 - 8, 0x1badb002, 3), false],
    ["multiboot2", second(32768 - 16), true],
    ["multiboot2, too far", second(32768 - 8), false],
    ["multiboot2, in gzip", gzipSync(second(4096)), true],
    ["multiboot2, in gzip of random bytes", gzipSync(Buffer.alloc(9)), false],
    ["multiboot2, in broken gzip", Buffer.from([0x1f, 0x8b, 0xff, 0xff]), false],
    ["multiboot2, in xz, which is not looked into", Buffer.from("\xfd7zXZ\0", "latin1"), true],
    ["multiboot2 asked for, multiboot there", kernelWith(0, 0x1badb002, 3), false],
    ["multiboot2, nothing", Buffer.alloc(0), false],
  ])("%s", (name, file, expected) => {
    expect(hasMultibootHeader(file, name.startsWith("multiboot2") ? "multiboot2" : "multiboot")).toBe(expected);
  });
});

test("a kernel file that is not there, a directory, or no kernel: with its place in the profile", async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "text"), "no kernel\n");
  const where = { file: "p.yaml", line: 3, column: 9 };
  const find = (name: string) =>
    findKernel({ path: join(directory, name), protocol: "multiboot2", where }, new Map(), 0, {
      signal: new AbortController().signal,
    });
  for (const [name, code, message] of [
    ["nothing", "profile/no-source", /there is no such file/],
    ["", "profile/no-source", /it is a directory/],
    ["text", "image/no-kernel", /no multiboot2 header/],
  ] as const)
    await expect(find(name)).rejects.toMatchObject({
      problems: [{ code, message: expect.stringMatching(message), where }],
    });
});
