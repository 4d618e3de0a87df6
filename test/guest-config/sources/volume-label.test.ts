import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readVolume } from "../../../src/guest-config/sources/volume-label.ts";
import { oracle } from "../../oracles/tools.ts";
import { cd, fatDisk } from "./machine.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-labels-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const volumeOf = (bytes: Uint8Array) => readVolume((at, length) => bytes.subarray(at, at + length));

/** What libblkid says, in its words. */
async function blkid(bytes: Uint8Array): Promise<Record<string, string>> {
  const path = join(directory, "volume");
  writeFileSync(path, bytes);
  const [program = "", ...first] = await oracle("blkid");
  const output = execFileSync(program, [...first, "-p", "-o", "export", path], { encoding: "utf8" });
  return Object.fromEntries(output.split("\n").map((line) => line.split("=") as [string, string]));
}

/** The label of FAT12 and FAT16 in the boot sector. */
const bootLabel = 43;
const spaces = new Uint8Array(11).fill(0x20);

test("a FAT has two labels, and each may be the one that counts", async () => {
  const disk = await fatDisk("CIDATA", { "meta-data": "" });
  expect(volumeOf(disk)).toEqual({ fileSystem: "vfat", labels: ["CIDATA"] });
  expect(await blkid(disk)).toMatchObject({ LABEL: "CIDATA", LABEL_FATBOOT: "CIDATA" });

  const rootOnly = disk.slice();
  rootOnly.set(spaces, bootLabel);
  expect(volumeOf(rootOnly)?.labels).toEqual(["CIDATA"]);
  expect(await blkid(rootOnly)).toMatchObject({ LABEL: "CIDATA" });

  // Deleted, as a program leaves it that takes a label away.
  const bootOnly = disk.slice();
  const entry = Buffer.from(bootOnly).indexOf("CIDATA     \x08", bootLabel + 11, "latin1");
  bootOnly[entry] = 0xe5;
  expect(volumeOf(bootOnly)?.labels).toEqual(["CIDATA"]);
  expect(await blkid(bootOnly)).toMatchObject({ LABEL_FATBOOT: "CIDATA" });

  const renamed = disk.slice();
  renamed.set(Buffer.from("OTHER      "), entry);
  expect(volumeOf(renamed)?.labels).toEqual(["OTHER", "CIDATA"]);
});

test("a CD", async () => {
  const disc = cd("cidata", { "meta-data": "" });
  expect(volumeOf(disc)).toEqual({ fileSystem: "iso9660", labels: ["cidata"] });
  expect(await blkid(disc)).toMatchObject({ TYPE: "iso9660", LABEL: "cidata" });
});

test("what is neither", () => {
  expect(volumeOf(new Uint8Array(1 << 16))).toBeUndefined();
  const bootSector = new Uint8Array(512);
  bootSector.set([0x55, 0xaa], 510);
  expect(volumeOf(bootSector)).toBeUndefined();
  expect(volumeOf(new Uint8Array(0))).toBeUndefined();
});
