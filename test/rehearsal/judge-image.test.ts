import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectImport } from "../../src/commands/import-inspector.ts";
import { judgeAlibabaImage } from "../../src/rehearsal/alibaba/judge-image.ts";
import { judgeHuaweiImage } from "../../src/rehearsal/huawei/judge-image.ts";
import type { ImportFacts } from "../../src/rehearsal/import-facts.ts";
import { judgeTencentImage } from "../../src/rehearsal/tencent/judge-image.ts";
import { tool } from "../examine/images.ts";
import { type ImportableOptions, importableImage } from "./importable-image.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-judge-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What each cloud says of an image: Tencent without and with `Force`, Alibaba, Huawei. */
function verdicts(facts: ImportFacts): (string | undefined)[] {
  return [
    judgeTencentImage(facts, false).failure,
    judgeTencentImage(facts, true).failure,
    judgeAlibabaImage(facts).problem?.code,
    judgeHuaweiImage(facts).problem?.code,
  ];
}

let count = 0;
async function imported(options: ImportableOptions): Promise<string> {
  return await importableImage(directory, options, `image-${count++}`);
}

const good = [undefined, undefined, undefined, undefined];

test.each(["qcow2", "raw", "vhd", "vmdk"] as const)("a good image as %s is taken by all", async (format) => {
  const facts = await inspectImport(await imported({ format }));
  expect(facts).toMatchObject({
    ...{ format, virtualSizeBytes: 2 ** 25, isWhole: true, table: "mbr", bootsBy: ["bios", "uefi"] },
    ...{ hasRoot: true, hasVirtio: true, hasNvme: true, hasCloudInit: true, hasOwnInitializer: false },
  });
  expect(facts.damage).toBeUndefined();
  expect(verdicts(facts)).toEqual(good);
  expect(judgeTencentImage(facts, false).sizeGib).toBe(1);
  expect(judgeAlibabaImage(facts).format).toBe(format.toUpperCase());
});

const modules = "/usr/lib/modules/6.1/modules.builtin";
const malformed = "InvalidImageFormat.Malformed";

describe("an image that is bad on purpose", () => {
  test.each<[string, ImportableOptions, (string | undefined)[]]>([
    ["no table", { table: "none" }, ["PartitionNotPresent", "PartitionNotPresent", malformed, undefined]],
    ["no root", { hasRoot: false }, ["RootPartitionNotFound", "RootPartitionNotFound", "ImportImageFailed", undefined]],
    [
      "no virtio",
      { files: { [modules]: "kernel/drivers/ata/ahci.ko\n" } },
      ["VirtioNotInstall", "VirtioNotInstall", "ImportImageFailed", undefined],
    ],
    [
      "no cloud-init",
      { files: { "/usr/bin/cloud-init": undefined } },
      ["CloudInitNotInstalled", undefined, undefined, undefined],
    ],
    [
      "cloud-init that is switched off",
      { files: { "/etc/cloud/cloud-init.disabled": "" } },
      ["CloudInitNotInstalled", undefined, undefined, undefined],
    ],
    ["VDI", { format: "vdi" }, ["InvalidFormatSize", "InvalidFormatSize", malformed, undefined]],
  ])("%s", async (_name, options, expected) => {
    const facts = await inspectImport(await imported(options));
    expect(facts.damage).toBeUndefined();
    expect(verdicts(facts)).toEqual(expected);
  });

  test("a disk of 600 GiB", async () => {
    const path = await imported({});
    await tool("qemu-img", ["resize", "-q", path, "600G"]);
    expect(verdicts(await inspectImport(path))).toEqual([
      ...["InvalidFormatSize", "InvalidFormatSize", undefined, undefined],
    ]);
  });

  const unusable = ["InvalidFormatSize", "InvalidFormatSize", malformed, "IMG.0057"];

  test("a qcow2 that needs another file, whether it is there or not", async () => {
    const backing = await imported({});
    const path = join(directory, "difference.qcow2");
    await tool("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, path]);
    const facts = await inspectImport(path);
    expect(facts).toMatchObject({ format: "qcow2", isWhole: false });
    expect(verdicts(facts)).toEqual(unusable);
    rmSync(backing);
    const alone = await inspectImport(path);
    expect(alone).toMatchObject({ format: "qcow2", isWhole: false });
    expect(verdicts(alone)).toEqual(unusable);
  });

  test.each(["qcow2", "vhd", "vmdk"] as const)("%s, cut short", async (format) => {
    const whole = await imported({ format });
    const path = join(directory, `short-${format}`);
    copyFileSync(whole, path);
    const { fileSizeBytes } = await inspectImport(whole);
    truncateSync(path, Math.floor(fileSizeBytes * 0.6));
    const facts = await inspectImport(path);
    // A VHD and a stream are known by their ends: what is left of one may pass for anything.
    if (format === "qcow2") expect(facts.damage).toMatch(/copied completely/);
    expect(verdicts(facts).slice(0, 3)).not.toContain(undefined);
  });

  test("a raw disk that is cut short has lost its root", async () => {
    const path = await imported({ format: "raw" });
    truncateSync(path, 2 * 2 ** 20);
    expect(verdicts(await inspectImport(path))[0]).toBe("RootPartitionNotFound");
  });

  test.each([
    ["text", "hello, world\n".repeat(1000)],
    ["nothing", ""],
    ["what gzip made", Buffer.from("1f8b0800000000000003", "hex")],
    ["a qcow2's first bytes", Buffer.concat([Buffer.from("QFI\xfb\0\0\0\x03", "latin1"), Buffer.alloc(600)])],
  ])("a file that is no image: %s", async (_name, content) => {
    const path = join(directory, "none");
    writeFileSync(path, content);
    expect(verdicts(await inspectImport(path))).toEqual(unusable);
  });

  test("VHDX is told as what it is; a name says nothing", async () => {
    const path = join(directory, "disk.raw");
    writeFileSync(path, Buffer.concat([Buffer.from("vhdxfile"), Buffer.alloc(70_000)]));
    expect(await inspectImport(path)).toMatchObject({ format: "vhdx" });
    const qcow2 = join(directory, "object.vmdk");
    copyFileSync(await imported({}), qcow2);
    expect(verdicts(await inspectImport(qcow2))).toEqual(good);
  });
});

test("more than 50 GB in the file is too much for Tencent; more than 2 TiB of disk for Alibaba", async () => {
  const facts = await inspectImport(await imported({}));
  expect(verdicts({ ...facts, dataBytes: 51e9 })).toEqual([
    "InvalidFormatSize",
    "InvalidFormatSize",
    undefined,
    undefined,
  ]);
  expect(verdicts({ ...facts, virtualSizeBytes: 2 ** 41 + 512 })[2]).toBe("InvalidImageSize");
});
