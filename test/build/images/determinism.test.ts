import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { diskFormats } from "../../../src/build/disk-formats/registry.ts";
import { obtainLock } from "../../../src/build/locking.ts";
import { tableChoices } from "../../../src/profile/choices.ts";
import type { Identities, IdentityRequest } from "./identities.ts";
import { contextFor, openProbe, type Probe } from "./probe.ts";

const roots: readonly (readonly [root: string, system?: "none"])[] = [["ext4"], ["squashfs"], ["fat", "none"]];
const partitions =
  "partitions: [{ name: swap, size: 1MiB, type: swap }, { name: more, size: 2MiB, mount: /srv/data, fileSystem: fat }]";

/** Every table with every root, and each of the file systems' own settings. */
const planned: readonly Probe[] = [
  ...Object.keys(tableChoices).flatMap((table) =>
    roots.map(
      ([root, system]): Probe => ({
        name: `${table.replace("+", "-")}-${root}`,
        disk: `partitionTable: ${table}, fileSystem: ${root}${/efi|gpt/.test(table) ? `, ${partitions}` : ""}`,
        ...(system && { system }),
      }),
    ),
  ),
  ...["modern", "dragonos", "asterinas", "grub-old"].map(
    (features): Probe => ({ name: features, disk: `partitionTable: legacy, ext4: { features: ${features} }` }),
  ),
  ...["xz", "gzip"].map(
    (compression): Probe => ({
      name: compression,
      disk: `partitionTable: efi, fileSystem: squashfs, squashfs: { compression: ${compression}, overlay: data }`,
      more: "boot: { efi: uki }",
    }),
  ),
  { name: "disc", disk: "fileSystem: iso9660" },
];

const disk = "partitionTable: universal";
/** Every format with each of its settings. */
const built: readonly Probe[] = [
  { name: "all", disk, output: "formats: [raw, qcow2, vhd, vmdk, vdi]" },
  { name: "others", disk, output: 'formats: [vhd-fixed, vmdk-flat, qcow2], compat: "0.10", clusterSize: 4KiB' },
  { name: "zstd", disk, output: "formats: [qcow2], compression: zstd, clusterSize: 1MiB" },
  { name: "plain", disk, output: "formats: [qcow2, vmdk], compress: false" },
];

const directory = mkdtempSync(join(tmpdir(), "cloudimg-determinism-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the program in a process of its own: time zone and language are the process's. */
async function identities(
  name: string,
  request: Pick<IdentityRequest, "jobs" | "later" | "forgetful" | "umask">,
  environment: Record<string, string>,
): Promise<Identities> {
  const own = join(directory, name);
  mkdirSync(own);
  for (const lock of readdirSync(join(directory, "locks")).filter((each) => each.endsWith(".lock.yaml")))
    copyFileSync(join(directory, "locks", lock), join(own, lock));
  const program = fileURLToPath(new URL("identities.ts", import.meta.url));
  const argument = JSON.stringify({ ...request, planned, built, directory: own } satisfies IdentityRequest);
  const { stdout } = await promisify(execFile)(process.execPath, [program, argument], {
    ...{ cwd: own, env: { ...process.env, ...environment } },
  });
  return JSON.parse(stdout) as Identities;
}

let first: Identities;
let second: Identities;

beforeAll(async () => {
  const context = contextFor();
  mkdirSync(join(directory, "locks"));
  for (const probe of [...planned, ...built])
    await obtainLock(
      await openProbe(join(directory, "locks"), probe, context),
      { allowExpired: false, mode: "keep" },
      context,
    );
  // What comes from the archive is the same; all that is made of it is not there.
  const cache = join(directory, "cache");
  mkdirSync(cache);
  for (const name of ["downloads", "indexes"]) symlinkSync(join(context.directories.cache, name), join(cache, name));
  [first, second] = await Promise.all([
    identities(
      "one",
      { jobs: 1, later: false, forgetful: true, umask: 0o022 },
      { CLOUDIMG_CACHE: cache, TZ: "UTC", LC_ALL: "C", LANG: "C" },
    ),
    identities(
      "a second directory",
      { jobs: 4, later: true, forgetful: false, umask: 0o077 },
      { TZ: "Pacific/Kiritimati", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" },
    ),
  ]);
}, 240_000);

test.each(planned)(
  "$name: the same bytes in another place, at another time, with other threads and caches",
  ({ name }) => {
    expect(first[name]).toMatch(/^[0-9a-f]{64}$/);
    expect(second[name]).toBe(first[name]);
  },
);

test("every format, and what lies beside the image, has the same bytes too", () => {
  const files = (digests: Identities) =>
    Object.fromEntries(Object.entries(digests).filter(([name]) => name.includes(".")));
  expect(files(second)).toEqual(files(first));
  // Each image has two bills of materials and a manifest beside it, and vmdk-flat two files.
  expect(Object.keys(files(first))).toHaveLength(12 + 3 * built.length);
  const formats = new Set(built.flatMap(({ output = "" }) => output.match(/[a-z0-9-]+(?=[,\]])/g) ?? []));
  expect([...Object.keys(diskFormats)].filter((name) => !formats.has(name))).toEqual([]);
});

test("no two of them are the same image", () => {
  const all = planned.map(({ name }) => first[name]);
  expect(new Set(all).size).toBe(all.length);
});
