import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { bootSectorCode, linkCore } from "../../../src/build/boot/grub-core.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { Tree } from "../../../src/core/tree.ts";
import { fileOf, grubPackage } from "./grub-package.ts";
import { decodeLzma } from "./lzma-alone.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-grub-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = "/usr/lib/grub/i386-pc";
const request = {
  modules: ["biosdisk", "part_msdos", "ext2", "normal", "linux", "serial"],
  earlyConfig: "search.fs_uuid 0a1b2c3d-1111-8222-8333-444455556666 root\n",
  prefix: "/boot/grub",
  startLba: 1,
};

/** A core image taken apart. */
interface Core {
  /** diskboot.img. */
  readonly first: Buffer;
  /** Without the sizes that are patched into it. */
  readonly decompressor: Buffer;
  readonly kernel: Buffer;
  readonly records: readonly { readonly type: number; readonly payload: Buffer }[];
  readonly packedBytes: number;
  readonly plainBytes: number;
}

/** Reads what linkCore, or grub-mkimage, has made. */
function takeApart(core: Buffer, kernelBytes: number, decompressorBytes: number): Core {
  const first = core.subarray(0, 512);
  const decompressor = Buffer.from(core.subarray(512, 512 + decompressorBytes));
  const packedBytes = decompressor.readUInt32LE(8);
  const plainBytes = decompressor.readUInt32LE(12);
  decompressor.fill(0, 8, 20);
  const start = 512 + decompressorBytes;
  const plain = decodeLzma(core.subarray(start, start + packedBytes), plainBytes);
  const modules = plain.subarray(kernelBytes);
  expect(modules.toString("latin1", 0, 4)).toBe("mimg");
  expect(modules.readUInt32LE(8)).toBe(modules.length);
  const records: { type: number; payload: Buffer }[] = [];
  for (let offset = modules.readUInt32LE(4); offset < modules.length; ) {
    const size = modules.readUInt32LE(offset + 4);
    records.push({ type: modules.readUInt32LE(offset), payload: modules.subarray(offset + 8, offset + size) });
    offset += size;
  }
  return { first, decompressor, kernel: plain.subarray(0, kernelBytes), records, packedBytes, plainBytes };
}

/** Names of the modules in a core, by their contents. */
function namesOf({ records }: Core, modulesDirectory: string): string[] {
  const known = readdirSync(modulesDirectory).filter((name) => name.endsWith(".mod"));
  return records
    .filter(({ type }) => type === 0)
    .map(({ payload }) => {
      const name = known.find((module) => {
        const file = readFileSync(join(modulesDirectory, module));
        return payload.subarray(0, file.length).equals(file) && payload.length - file.length < 4;
      });
      return name?.slice(0, -".mod".length) ?? "unknown";
    });
}

describe("GRUB's core image", () => {
  const partSizes = async () => {
    const { modulesDirectory } = await grubPackage();
    const elf = readFileSync(join(modulesDirectory, "kernel.img"));
    const decompressorBytes = readFileSync(join(modulesDirectory, "lzma_decompress.img")).length;
    // File size in the first program header, the only one that is loaded.
    return { kernelBytes: elf.readUInt32LE(elf.readUInt32LE(28) + 16), decompressorBytes };
  };

  const dependencies = async () => {
    const { modulesDirectory } = await grubPackage();
    const lines = readFileSync(join(modulesDirectory, "moddep.lst"), "utf8").trim().split("\n");
    return new Map(lines.map((line) => [line.split(":")[0] as string, (line.split(":")[1] ?? "").trim().split(" ")]));
  };

  test("has the parts that grub-mkimage puts in, and is little larger", async () => {
    const { files, modulesDirectory, command } = await grubPackage();
    const { kernelBytes, decompressorBytes } = await partSizes();
    const ours = Buffer.from(linkCore({ files, ...request }));

    const early = join(directory, "early.cfg");
    const output = join(directory, "core.img");
    writeFileSync(early, request.earlyConfig);
    const [program, ...args] = command("grub-mkimage");
    const target = ["-O", "i386-pc", "-d", modulesDirectory, "-p", request.prefix, "-c", early, "-o", output];
    const made = spawnSync(program as string, [...args, ...target, ...request.modules], { encoding: "utf8" });
    expect({ status: made.status, said: made.stderr }).toEqual({ status: 0, said: "" });
    const theirs = readFileSync(output);

    const a = takeApart(ours, kernelBytes, decompressorBytes);
    const b = takeApart(theirs, kernelBytes, decompressorBytes);
    expect(a.kernel.equals(b.kernel)).toBe(true);
    expect(a.decompressor.equals(b.decompressor)).toBe(true);
    const [ourNames, theirNames] = [a, b].map((core) => namesOf(core, modulesDirectory)) as [string[], string[]];
    expect(ourNames.toSorted()).toEqual(theirNames.toSorted());
    const textOf = ({ payload }: Core["records"][number]) => payload.toString("latin1").replace(/\0+$/, "");
    const others = (core: Core) => core.records.filter(({ type }) => type !== 0);
    expect(others(a).map(({ type }) => type)).toEqual([2, 3]);
    expect(others(a).map(textOf).toSorted()).toEqual(others(b).map(textOf).toSorted());
    expect(a.packedBytes).toBeLessThan(b.packedBytes * 1.1);

    // grub-mkimage leaves the first sector's number to the installer; ours is 1, the core's second sector on the disk is 2.
    expect(a.first.subarray(0, 0x1f4).equals(b.first.subarray(0, 0x1f4))).toBe(true);
    expect(ours.length % 512).toBe(0);
    expect(a.first.readBigUInt64LE(0x1f4)).toBe(2n);
    expect(a.first.readUInt16LE(0x1fc)).toBe(ours.length / 512 - 1);
    expect(a.first.readUInt16LE(0x1fe)).toBe(b.first.readUInt16LE(0x1fe));
  });

  test("a module comes after all that it depends on, and once", async () => {
    const { files, modulesDirectory } = await grubPackage();
    const { kernelBytes, decompressorBytes } = await partSizes();
    const core = takeApart(Buffer.from(linkCore({ files, ...request })), kernelBytes, decompressorBytes);
    const needs = await dependencies();
    const names = namesOf(core, modulesDirectory);
    expect(new Set(names).size).toBe(names.length);
    for (const [index, name] of names.entries())
      for (const need of needs.get(name) ?? []) if (need !== "") expect(names.slice(0, index)).toContain(need);
  });

  test("the boot sector's code loads from where the core is, and does not check the drive", async () => {
    const { files } = await grubPackage();
    const code = Buffer.from(bootSectorCode(files, 34));
    expect(code.length).toBe(440);
    expect(code.readBigUInt64LE(0x5c)).toBe(34n);
    expect(code.readUInt16LE(0x66)).toBe(0x9090);
  });

  test("a module that the package does not have is named, with near ones", async () => {
    const { files } = await grubPackage();
    expect(() => linkCore({ files, ...request, modules: ["biosdisc"] })).toThrow(
      expect.objectContaining({
        code: "image/unsupported",
        message: expect.stringContaining("grub-pc-bin has no module biosdisc"),
        problems: [expect.objectContaining({ hint: expect.stringContaining("biosdisk") })],
      }),
    );
  });

  test("a module whose file is missing is named", async () => {
    const { files } = await grubPackage();
    const without = new Tree();
    without.merge(files);
    without.remove(`${at}/fshelp.mod`);
    expect(() => linkCore({ files: without, ...request })).toThrow(`grub-pc-bin has no ${at}/fshelp.mod`);
  });

  test("a kernel.img that would look for its modules elsewhere is refused", async () => {
    const { files, modulesDirectory } = await grubPackage();
    const elf = readFileSync(join(modulesDirectory, "kernel.img"));
    const header = elf.readUInt32LE(28);
    elf.writeUInt32LE(elf.readUInt32LE(header + 16) - 4, header + 16);
    const changed = new Tree();
    changed.merge(files);
    changed.set(`${at}/kernel.img`, fileOf(elf), { replace: true });
    expect(() => linkCore({ files: changed, ...request })).toThrow(/kernel.img looks for modules at \d+/);
  });

  test("a core that the BIOS cannot load is refused", async () => {
    const { files } = await grubPackage();
    const changed = new Tree();
    changed.merge(files);
    const noise = createHash("shake256", { outputLength: 600_000 }).update("noise").digest();
    changed.set(`${at}/ext2.mod`, fileOf(noise), { replace: true });
    expect(() => linkCore({ files: changed, ...request })).toThrow(CloudimgError);
    expect(() => linkCore({ files: changed, ...request })).toThrow(/its core image has \d+ bytes, the BIOS can load/);
  });
});
