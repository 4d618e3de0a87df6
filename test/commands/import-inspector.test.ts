import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectImport } from "../../src/commands/import-inspector.ts";
import { type ImportableOptions, importableImage } from "../rehearsal/importable-image.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-inspector-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("what an import finds", () => {
  test.each<[string, ImportableOptions, object]>([
    ["a GPT that boots by UEFI", { table: "gpt", bootsBy: ["uefi"] }, { table: "gpt", bootsBy: ["uefi"] }],
    ["an MBR that boots by BIOS", { bootsBy: ["bios"] }, { table: "mbr", bootsBy: ["bios"] }],
    [
      "an initializer of ours",
      { files: { "/usr/sbin/cloudimg-init": "", "/usr/bin/cloud-init": undefined } },
      { hasOwnInitializer: true, hasCloudInit: false },
    ],
    [
      "drivers that are modules outside of the initrd",
      {
        files: {
          "/usr/lib/modules/6.1/modules.builtin": "",
          "/usr/lib/modules/6.1/kernel/virtio_blk.ko": "",
          "/usr/lib/modules/6.1/kernel/virtio_net.ko": "",
          "/boot/initrd.img-6.1": "070701",
        },
      },
      { hasVirtio: false, hasNvme: false },
    ],
    ["no root", { hasRoot: false }, { hasRoot: false, hasVirtio: false, hasCloudInit: false }],
  ])("%s", async (_name, options, expected) => {
    expect(await inspectImport(await importableImage(directory, options))).toMatchObject(expected);
  });
});

test("a file that is not there is the caller's error", async () => {
  await expect(inspectImport(join(directory, "none"))).rejects.toThrow("ENOENT");
});

test("a root of a kind that is not read is taken for good", async () => {
  const path = await importableImage(directory, { format: "raw", hasRoot: false }, "xfs");
  const bytes = readFileSync(path);
  bytes.write("XFSB", 2 ** 20);
  writeFileSync(path, bytes);
  expect(await inspectImport(path)).toMatchObject({ hasRoot: true, hasVirtio: true, hasCloudInit: true });
});

test("whatever is changed or cut off, it is told and not thrown", { timeout: 120_000 }, async () => {
  const [qcow2, raw, vmdk] = [
    await importableImage(directory, {}, "fuzz"),
    await importableImage(directory, { format: "raw", table: "gpt" }, "fuzz"),
    await importableImage(directory, { format: "vmdk" }, "fuzz"),
  ];
  const originals = [qcow2, raw, vmdk].map((path) => ({ path, bytes: readFileSync(path) }));
  const numRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 40);
  const change = fc.record({
    which: fc.nat(originals.length - 1),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    isEarly: fc.boolean(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
    length: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ which, at, isEarly, bytes, length }) => {
      const original = originals[which] as (typeof originals)[number];
      const changed = Buffer.from(original.bytes);
      changed.set(bytes, Math.floor(at * (Math.min(changed.length, isEarly ? 4096 : changed.length) - bytes.length)));
      const path = join(directory, "changed");
      writeFileSync(path, length === null ? changed : changed.subarray(0, Math.floor(length * changed.length)));
      const facts = await inspectImport(path);
      expect(facts.fileSizeBytes).toBeGreaterThanOrEqual(0);
    }),
    { numRuns },
  );
});
