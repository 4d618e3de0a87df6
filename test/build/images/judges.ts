import { closeSync, mkdirSync, openSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect } from "vitest";
import type { PartitionKind } from "../../../src/build/partitions/partition-table.ts";
import type { PlannedImage } from "../../../src/build/pipeline.ts";
import { fileSource, readAll, sliceSource } from "../../../src/core/byte-source.ts";
import { imageManifestPath, parseImageManifest } from "../../../src/core/image-manifest.ts";
import { deriveUint32 } from "../../../src/core/seed.ts";
import { Tree } from "../../../src/core/tree.ts";
import { tableChoices } from "../../../src/profile/choices.ts";
import { runOracle } from "../../oracles/run.ts";
import { checkExt4, ext4Header, textOfExt4 } from "../filesystems/ext4-reader.ts";
import { checkFat, fatTextOf, textOfFat } from "../filesystems/fat-oracle.ts";
import { writeImage } from "../filesystems/images.ts";
import { textOfTheirs } from "../filesystems/squashfs-oracle.ts";
import { type TreeText, textOfTree } from "../filesystems/tree-text.ts";
import type { ExpectedVolume } from "./expected.ts";
import { textOfIso } from "./iso-oracle.ts";
import type { BuiltProbe } from "./probe.ts";

/** Other people's tool, which must find nothing. */
export async function tool(name: string, args: readonly string[]): Promise<string> {
  const { status, output } = await runOracle(name, args);
  expect(status, `${name} ${args.join(" ")}: ${output}`).toBe(0);
  return output;
}

/** UEFI specification 2.10, section 5.3.3; systemd's Discoverable Partitions; the types of MBRs that sfdisk lists. */
const types: Readonly<Record<"gpt" | "dos", Readonly<Record<PartitionKind, string>>>> = {
  gpt: {
    linux: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    esp: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "bios-boot": "21686148-6449-6E6F-744E-656564454649",
    fat: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
    swap: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
  },
  dos: { linux: "83", esp: "ef", "bios-boot": "", fat: "c", swap: "82" },
};

/** sfdisk and sgdisk find no fault, and read the table that was planned. */
export async function judgeTable({ planned, path }: Pick<BuiltProbe, "planned" | "path">): Promise<void> {
  const { table } = tableChoices[planned.identifiers.table];
  if (table === "none") return;
  expect(await tool("sfdisk", ["--verify", path])).toContain("No errors detected");
  if (table === "gpt") {
    const said = await tool("sgdisk", ["-v", path]);
    expect(said).toContain("No problems found");
    expect(said).not.toMatch(/warning|caution|problem:/i);
  }
  const { partitiontable } = JSON.parse(await tool("sfdisk", ["--json", path]));
  const label = table === "gpt" ? "gpt" : "dos";
  expect(partitiontable).toMatchObject({ label, unit: "sectors", sectorsize: 512 });
  const { seed, diskGuid } = planned.identifiers;
  const mbrId = `0x${deriveUint32(seed, "mbr signature").toString(16).padStart(8, "0")}`;
  expect(partitiontable.id.toLowerCase()).toBe(table === "gpt" ? diskGuid : mbrId);
  interface Told {
    readonly node: string;
    readonly start: number;
    readonly size: number;
    readonly type: string;
    readonly bootable?: boolean;
    readonly name?: string;
    readonly uuid?: string;
  }
  const found = partitiontable.partitions.map(({ node, start, size, type, bootable = false, name, uuid }: Told) => ({
    ...{ number: Number(node.slice(path.length)), start, size, type },
    ...(table === "gpt" ? { name, uuid: uuid?.toLowerCase() } : { bootable }),
  }));
  const wanted = planned.layout.partitions.map(({ number, startBytes, sizeBytes, kind, bootable, name, guid }) => ({
    ...{ number, start: startBytes / 512, size: sizeBytes / 512, type: types[label][kind] },
    ...(table === "gpt" ? { name, uuid: guid ?? expect.stringMatching(/^[0-9a-f-]{36}$/) } : { bootable }),
  }));
  const byNumber = (a: { number: number }, b: { number: number }) => a.number - b.number;
  expect(found.sort(byNumber)).toEqual(wanted.sort(byNumber));
  expect(planned.layout.partitions.map(({ startBytes }) => startBytes % 1024 ** 2)).toEqual(
    planned.layout.partitions.map(() => 0),
  );
}

/** What xorriso and isoinfo say of how a CD boots. */
export async function judgeDisc(image: string, catalogue: RegExp): Promise<void> {
  expect(await tool("xorriso", ["-indev", image, "-report_el_torito", "plain"])).toMatch(catalogue);
  const said = await tool("isoinfo", ["-d", "-i", image]);
  for (const text of ["El Torito VD version 1 found", "Joliet with UCS level 3", "Rock Ridge signatures version 1"])
    expect(said).toContain(text);
}

/** A partition's bytes out of the raw image, as a file; without a table, the image itself. */
export async function extract({ planned, path }: BuiltProbe, number: number): Promise<string> {
  if (planned.identifiers.table === "none") return path;
  const partition = planned.layout.partitions.find((each) => each.number === number);
  if (partition === undefined) throw new Error(`no partition ${number}`);
  const fd = openSync(path, "r");
  try {
    const source = sliceSource(fileSource(fd), partition.startBytes, partition.sizeBytes);
    return await writeImage(source, join(dirname(path), `${basename(path)}-${number}`));
  } finally {
    closeSync(fd);
  }
}

/** What blkid sees from outside. */
async function judgeIdentity(image: string, { type, label, uuid }: ExpectedVolume): Promise<void> {
  const output = await tool("blkid", ["-p", "-o", "export", image]);
  const { DEVNAME: _, ...told } = Object.fromEntries(
    output.split("\n").flatMap((line) => (line.includes("=") ? [line.split("=", 2)] : [])),
  );
  const serial = `${uuid.slice(0, 4)}-${uuid.slice(4, 8)}`.toUpperCase();
  const names = {
    ...{ ext4: "ext4", squashfs: "squashfs", fat: "vfat", esp: "vfat", iso9660: "iso9660", swap: "swap" },
  };
  // An ext4 without what ext2 lacks is one for blkid too.
  const isExt = type === "ext4" ? { TYPE: expect.stringMatching(/^ext[24]$/) } : { TYPE: names[type] };
  const hasLabel = type === "squashfs" ? {} : { LABEL: type === "iso9660" ? expect.any(String) : label };
  const ids = { squashfs: undefined, iso9660: told["UUID"], fat: serial, esp: serial, ext4: uuid, swap: uuid };
  expect(told).toMatchObject({ ...isExt, ...hasLabel });
  expect(told["UUID"]).toBe(ids[type]);
}

/** The tool that is made for a file system finds no fault, and reads the planned tree. */
export async function judgeVolume(image: string, expected: ExpectedVolume, planned: PlannedImage): Promise<void> {
  const scratch = `${image}.scratch`;
  mkdirSync(scratch, { recursive: true });
  await judgeIdentity(image, expected);
  const { type, tree } = expected;
  switch (type) {
    case "ext4": {
      await checkExt4(image);
      const header = await ext4Header(image);
      expect(header["Filesystem UUID"]).toBe(expected.uuid);
      expect(header["Filesystem volume name"]).toBe(expected.label);
      if (expected.uuid === planned.identifiers.rootUuid) {
        const wanted = planned.features.map(({ name }) => name).filter((name) => !name.startsWith("^"));
        expect(header["Filesystem features"]?.split(/\s+/).sort()).toEqual(wanted.sort());
      }
      judgeTree(await textOfExt4(image, scratch), tree);
      return;
    }
    case "squashfs":
      judgeTree(await textOfTheirs(image), tree);
      return;
    case "fat":
    case "esp":
      await checkFat(image);
      if (type === "esp") expect(await tool("blkid", ["-p", image])).toContain('VERSION="FAT32"');
      if (tree !== undefined) judgeTree(await textOfFat(image, scratch), tree, fatTextOf(tree));
      return;
    case "swap":
      expect(await tool("swaplabel", [image])).toBe(`LABEL: ${expected.label}\nUUID:  ${expected.uuid}\n`);
      return;
    case "iso9660":
      judgeTree(await textOfIso(image), tree);
      return;
  }
}

/** Boot code that is told where it lies: what it will be is not planned. */
const placed = ["/boot/grub/core.img", "/boot/grub/eltorito.img"];

/** What was read is the planned tree, and what the image's own list of contents says of it is true. */
function judgeTree(found: TreeText, tree = new Tree(), wanted = textOfTree(tree)): void {
  for (const path of placed)
    if (wanted[path] !== undefined)
      wanted[path] = expect.stringContaining(wanted[path].replace(/\w+$/, "")) as unknown as string;
  expect(found).toEqual(wanted);
  const manifest = tree.get(imageManifestPath);
  if (manifest?.type !== "file") return;
  const { paths } = parseImageManifest(Buffer.from(readAll(manifest.content)).toString());
  const digests = paths.filter(({ path, sha256 }) => sha256 !== undefined && found[path]?.startsWith("file"));
  expect(digests.length).toBeGreaterThan(30);
  for (const { path, size, sha256 = "" } of digests)
    expect(found[path], path).toContain(` ${size} ${sha256.slice(0, 12)}`);
}
