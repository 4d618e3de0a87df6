import { expect, test } from "vitest";
import { CloudimgError } from "../../src/core/errors.ts";
import { load } from "./profile-files.ts";

/** What is said of a profile whose other keys are these. */
async function complaints(rest: string): Promise<readonly string[]> {
  try {
    await load({ "p.yaml": `image: { name: p, system: none }\n${rest}\n` });
    return [];
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    expect(error.exitCode).toBe(3);
    return error.problems.map(
      ({ message, where, hint }) =>
        `${where?.line}: ${message.replace("cannot use this profile: ", "")}${hint ? ` (${hint})` : ""}`,
    );
  }
}

const swap = "{ name: s, type: swap, size: 8MiB";

const someUuid = "0a1b2c3d-1111-4222-8333-444455556666";

/** Settings that contradict one another, or would have no effect: said, never passed over. */
test.each([
  ["disk: { partitionTable: legacy, bootSize: 64MiB }", /disk\.bootSize is .*"legacy" does not have \(remove it\)/],
  [
    `disk: { partitions: [${["a", "b", "c"].map((name) => `{ name: ${name}, size: 8MiB }`)}] }`,
    /an MBR has four partitions, this disk would have 5 \(use a GPT/,
  ],
  ["disk: { squashfs: { overlay: data } }", /an overlay .* is for a squashfs root, but disk\.fileSystem is "ext4"/],
  ["disk: { ext4: { features: asterinas, journal: true } }", /strict ext2.* has no journal/],
  ["disk: { fileSystem: fat, label: twelve-chars }", /label of a FAT file system has at most 11/],
  [`disk: { partitions: [${swap}, fileSystem: fat }] }`, /the swap partition s has no file system/],
  [`disk: { partitions: [${swap}, mount: /swap }] }`, /the swap partition s cannot be mounted/],
  ["disk: { partitions: [{ name: l, size: 8MiB, mount: /lib }] }", /\/lib cannot be a partition of its own/],
  [
    "disk: { partitions: [{ name: g, size: 8MiB, mount: /boot/grub }] }",
    /\/boot\/grub cannot be a partition of its own/,
  ],
  [
    "disk: { partitions: [{ name: a/b, size: 8MiB, fileSystem: fat }] }",
    /label of a FAT file system cannot be a\/b \(set label/,
  ],
  [
    `disk: { uuid: ${someUuid}, partitions: [{ name: a, size: 8MiB, uuid: ${someUuid} }] }`,
    /disk\.uuid is the same UUID \(change one/,
  ],
  [
    `disk: { partitionTable: efi, guid: ${someUuid}, partitions: [{ name: a, size: 8MiB, guid: ${someUuid} }] }`,
    /disk\.guid is the same GUID/,
  ],
  [
    `disk: { partitions: [{ name: a, size: 8MiB, fileSystem: fat, uuid: ${someUuid} }, { name: b, size: 8MiB, fileSystem: fat, uuid: ${someUuid.replace("555", "556")} }] }`,
    /disk\.partitions\.0\.uuid is the same UUID in the 32 bits of FAT/,
  ],
  ["disk: { uuid: 00000000-0000-0000-0000-000000000000 }", /a UUID of zeros means that there is none/],
  ["output: { compat: 0.10 }", /output\.compat must be one of 0\.10, 1\.1, not 0\.1 \(put it in quotes\)/],
  ["kernel: { protocol: multiboot2 }", /a multiboot2 kernel is given as a file \(set kernel\.file\)/],
  ["kernel: { bootModules: [{ source: x }] }", /boot modules are for multiboot kernels/],
  ["disk: { partitionTable: hybrid, fileSystem: iso9660 }", /a CD has no partition table/],
])("%s", async (rest, message) => {
  const said = (await complaints(rest)).filter((line) => message.test(line));
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^2: /);
});
