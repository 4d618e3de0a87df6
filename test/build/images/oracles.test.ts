import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAll } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { sha256OfFile } from "../../sha256.ts";
import { debianAuthority, microsoftAuthority } from "../boot/signers.ts";
import { type ExpectedVolume, expectedVolumes } from "./expected.ts";
import { judgeFormats } from "./formats.ts";
import { extract, judgeDisc, judgeTable, judgeVolume, tool } from "./judges.ts";
import { type BuiltProbe, buildProbe, type Probe } from "./probe.ts";

const dataExt4 = "{ name: data, size: 8MiB, mount: /srv/data }";
const dataFat = "{ name: exchange, size: 2MiB, mount: /srv/exchange, fileSystem: fat, label: EXCHANGE }";
const swap = "{ name: swap, size: 4MiB, type: swap }";

/** Every table, every root, every feature set, every kind of further partition, every format: each somewhere, and the pairs that differ most. */
const probes: readonly Probe[] = [
  {
    ...{ name: "none-ext4", disk: "partitionTable: none" },
    output: "formats: [raw, qcow2, vmdk], compress: false, clusterSize: 4KiB",
  },
  { name: "none-fat", disk: "partitionTable: none, fileSystem: fat", system: "none" },
  { name: "none-squashfs", disk: "partitionTable: none, fileSystem: squashfs, squashfs: { compression: gzip }" },
  { name: "disc", disk: "fileSystem: iso9660" },
  {
    name: "legacy-grub-old",
    disk: `partitionTable: legacy, ext4: { features: grub-old }, partitions: [${dataExt4}, ${swap}, ${dataFat}]`,
    output: 'formats: [raw, qcow2, vhd-fixed, vmdk-flat], compat: "0.10"',
  },
  {
    name: "legacy-gpt-modern",
    disk: `partitionTable: legacy+gpt, ext4: { features: modern }, size: 200MiB, partitions: [${swap}]`,
    output: "formats: [raw, qcow2], compress: false",
  },
  {
    name: "efi-squashfs",
    disk: `partitionTable: efi, fileSystem: squashfs, squashfs: { overlay: data }, partitions: [${dataExt4}]`,
    ...{ output: "formats: [raw, qcow2, vmdk], compression: zstd, clusterSize: 2MiB", more: "boot: { efi: uki }" },
  },
  {
    name: "hybrid-dragonos",
    disk: `partitionTable: hybrid, ext4: { features: dragonos }, partitions: [${dataExt4}, ${dataFat}, ${swap}]`,
    output: 'formats: [raw, qcow2], compat: "0.10", compress: false, clusterSize: 512B',
  },
  { name: "hybrid-squashfs", disk: "partitionTable: hybrid, fileSystem: squashfs, squashfs: { compression: xz }" },
  { name: "hybrid-fat", disk: "partitionTable: hybrid, fileSystem: fat" },
  {
    name: "universal-portable",
    disk: `partitionTable: universal, bootSize: 40MiB, partitions: [${dataFat}, ${swap}]`,
    output: "formats: [raw, qcow2, vhd, vmdk, vdi]",
  },
  { name: "universal-asterinas", disk: "partitionTable: universal, ext4: { features: asterinas }" },
  { name: "universal-squashfs", disk: `partitionTable: universal, fileSystem: squashfs, partitions: [${swap}]` },
];

const directory = mkdtempSync(join(tmpdir(), "cloudimg-images-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each(probes)("$name", { timeout: 120_000 }, (probe) => {
  let image: BuiltProbe;
  let volumes: Map<number, ExpectedVolume>;
  beforeAll(async () => {
    image = await buildProbe(directory, probe);
    volumes = expectedVolumes(image.planned, image.loaded.profile);
  });

  test("the raw file is the planned disk, whole", async () => {
    expect(await sha256OfFile(image.path)).toBe(image.built.identity);
    expect(image.built.diskSizeBytes % 1024 ** 2).toBe(0);
  });

  test("the table is the planned one, say sfdisk and sgdisk", async () => judgeTable(image));

  test("each partition holds its part of the tree, say the tools made for its file system", async () => {
    const boot = image.planned.layout.partitions.filter(({ kind }) => kind === "bios-boot").map(({ number }) => number);
    expect([...volumes.keys(), ...boot].sort()).toEqual(
      image.planned.layout.partitions.map(({ number }) => number).sort(),
    );
    for (const [number, expected] of volumes) await judgeVolume(await extract(image, number), expected, image.planned);
  });

  test("qemu-img finds the same disk in every format", async () => judgeFormats(image));

  const { disk, more = "" } = probe;
  const hasEsp = /iso9660|: (efi|hybrid|universal)/.test(disk);
  if (hasEsp)
    test("what UEFI starts is signed by whom its machine trusts", async () => {
      const esp = disk.includes("iso9660")
        ? await efiImageOf(image.path)
        : await extract(image, image.planned.identifiers.numbers.esp);
      const copies = `${esp}.files`;
      mkdirSync(copies);
      await tool("mcopy", ["-s", "-n", "-i", esp, "::/EFI", copies]);
      const names = readdirSync(join(copies, "EFI/BOOT")).sort();
      if (more.includes("uki")) {
        expect(names).toEqual(["BOOTX64.EFI"]);
        const { output } = await runOracle("sbverify", ["--list", join(copies, "EFI/BOOT/BOOTX64.EFI")]);
        expect(output).toContain("No signature table present");
        return;
      }
      expect(names).toEqual(["BOOTX64.EFI", "grubx64.efi"]);
      const signers = [await microsoftAuthority(directory), await debianAuthority(directory)];
      for (const [index, name] of names.entries()) {
        const program = join(copies, "EFI/BOOT", name);
        expect(await tool("sbverify", ["--list", program])).toContain("signature 1\n");
        expect(await tool("sbverify", ["--cert", signers[index] as string, program])).toMatch(
          /^Signature verification OK\n/,
        );
      }
      // The kernel that GRUB asks shim about: each partition's contents are those of the tree, says another test.
      const { tree, kernelVersion } = image.planned;
      const node = tree.get(`/boot/vmlinuz-${kernelVersion}`);
      if (node?.type !== "file") throw new Error("no kernel");
      writeFileSync(join(copies, "kernel"), readAll(node.content));
      await tool("sbverify", ["--cert", signers[1] as string, join(copies, "kernel")]);
    });

  if (disk.includes("iso9660"))
    test("it boots by BIOS and UEFI, say xorriso and isoinfo", async () =>
      judgeDisc(image.path, /boot img : +1 +BIOS +y +none.*\n.*boot img : +2 +UEFI +y +none/));
});

/** The file system that UEFI starts from, out of a disc; fsck.fat has no complaint. */
async function efiImageOf(disc: string): Promise<string> {
  const path = join(directory, "efi.img");
  await tool("xorriso", ["-osirrox", "on", "-indev", disc, "-extract", "/boot/grub/efi.img", path]);
  await tool("fsck.fat", ["-n", path]);
  return path;
}
