import { closeSync, copyFileSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { emitImage } from "../../src/build/disk-formats/emit.ts";
import { type DiskFormatName, diskFormats } from "../../src/build/disk-formats/registry.ts";
import { ext4Writer } from "../../src/build/filesystems/ext4.ts";
import type { Ext4Options } from "../../src/build/filesystems/ext4-profiles.ts";
import { mbr } from "../../src/build/partitions/mbr.ts";
import type { PlannedPartition } from "../../src/build/partitions/partition-table.ts";
import { bytesSource, composeSource } from "../../src/core/byte-source.ts";
import type { Node, Tree } from "../../src/core/tree.ts";
import { planUpdate } from "../../src/examine/update.ts";
import { partitionUuids } from "../../src/examine/update-identity.ts";
import { openUpdateTarget } from "../../src/examine/update-target.ts";
import { checkExt4, ext4Header, textOfExt4 } from "../build/filesystems/ext4-reader.ts";
import { file, pattern, scratchDirectory, symlink } from "../build/filesystems/images.ts";
import { problemsOf, request, treeOf } from "../build/filesystems/requests.ts";
import { textOfTree } from "../build/filesystems/tree-text.ts";
import { runOracle } from "../oracles/run.ts";
import { withManifest } from "./manifests.ts";

const scratch = scratchDirectory();
const MiB = 1024 ** 2;
const work = { signal: new AbortController().signal, jobs: 1 };
const rootBytes = 40 * MiB;
const dataStartBytes = MiB + rootBytes;
const dataBytes = 4 * MiB;
const diskSizeBytes = dataStartBytes + dataBytes;

const built = (): Tree =>
  withManifest(
    treeOf({
      "/etc/os-release": file("ID=small\n"),
      "/etc/shadow": file("root:*:1::::::\n", { mode: 0o640, gid: 42 }),
      "/etc/motd": file("hello\n"),
      "/usr/bin/tool": file(pattern(200_000), { mode: 0o755 }),
      "/usr/bin/old": file(pattern(50_000, 3), { mode: 0o755 }),
      "/bin": symlink("usr/bin"),
      "/var/lib/app": { ...file(""), type: "directory", mode: 0o755 } as Node,
    }),
  );

/** The tree of the next build. */
const next = (): Tree =>
  withManifest(
    treeOf({
      "/etc/os-release": file("ID=small\nVERSION=2\n"),
      "/etc/shadow": file("root:*:1::::::\n", { mode: 0o640, gid: 42 }),
      "/etc/motd": file("welcome\n"),
      "/usr/bin/tool": file(pattern(250_000, 9), { mode: 0o755 }),
      "/usr/bin/new": file(pattern(30_000, 4), { mode: 0o755 }),
      "/bin": symlink("usr/bin"),
      "/var/lib/app": { ...file(""), type: "directory", mode: 0o755 } as Node,
    }),
    77,
  );

/** A disk of a root and another partition, with something where boot code is. */
async function makeDisk(
  options: { tree?: Tree; ext4?: Ext4Options; format?: DiskFormatName; name?: string } = {},
): Promise<string> {
  const { tree = built(), ext4 = { features: "portable" }, format = "raw", name = "disk" } = options;
  const root = ext4Writer(ext4).plan(request(tree, { size: { exactBytes: rootBytes } }));
  const common = { kind: "linux", bootable: false } as const;
  const partitions: PlannedPartition[] = [
    { ...common, number: 1, startBytes: MiB, sizeBytes: rootBytes, name: "root" },
    { ...common, number: 2, startBytes: dataStartBytes, sizeBytes: dataBytes, name: "data" },
  ];
  const source = composeSource(diskSizeBytes, [
    ...mbr.plan({ diskSizeBytes, partitions, seed: "disk", bootCode: pattern(440) }),
    { offsetBytes: 512, source: bytesSource(pattern(100_000)) },
    { offsetBytes: MiB, source: root.source },
    { offsetBytes: dataStartBytes, source: bytesSource(pattern(dataBytes)) },
  ]);
  const path = join(scratch, `${name}${diskFormats[format].extension}`);
  const outputs = [{ format: diskFormats[format], path }];
  await emitImage({ source, outputs, compress: true, clusterSizeBytes: 65_536 }, work);
  return path;
}

const rootImage = join(scratch, "root.ext4");

function takeRoot(disk: string): string {
  writeFileSync(rootImage, readFileSync(disk).subarray(MiB, dataStartBytes));
  return rootImage;
}

/** What a system that ran would have left, by debugfs. */
async function live(disk: string): Promise<void> {
  takeRoot(disk);
  const lines: Record<string, string> = {
    shadow: "root:$y$j9T$secret:1::::::\n",
    motd: "maintained by hand\n",
    key: "host key\n",
  };
  for (const [name, text] of Object.entries(lines)) writeFileSync(join(scratch, name), text);
  const commands = [
    "rm /etc/shadow",
    `write ${join(scratch, "shadow")} /etc/shadow`,
    "set_inode_field /etc/shadow mode 0100640",
    "set_inode_field /etc/shadow gid 42",
    "rm /etc/motd",
    `write ${join(scratch, "motd")} /etc/motd`,
    "mkdir /etc/ssh",
    `write ${join(scratch, "key")} /etc/ssh/host_key`,
    "set_inode_field /etc/ssh/host_key mode 0100600",
    `write ${join(scratch, "key")} /var/lib/app/state`,
    "cd /etc/ssh\nmknod pipe p\ncd /",
    "ea_set /var/lib/app/state user.origin guest",
  ];
  // debugfs takes a directory as the place of a new file only where it is.
  const script = commands.map((command) => {
    const write = /^write (\S+) (.*)\/([^/]+)$/.exec(command);
    return write === null ? command : `cd ${write[2]}\nwrite ${write[1]} ${write[3]}\ncd /`;
  });
  writeFileSync(join(scratch, "commands"), `${script.join("\n")}\n`);
  await runOracle("debugfs", ["-w", "-f", join(scratch, "commands"), rootImage]);
  await checkExt4(rootImage);
  const fd = openSync(disk, "r+");
  writeSync(fd, readFileSync(rootImage), 0, rootBytes, MiB);
  closeSync(fd);
}

test("a disk that was copied in part is told so, whatever else is on it", async () => {
  const disk = await writeCut();
  expect(problemsOf(() => openUpdateTarget(disk))).toMatchObject([
    {
      code: "image/damaged",
      message: expect.stringMatching(/partition 1 reaches past the end/),
      hint: expect.anything(),
    },
  ]);
});

/** The root is cut off; what is before it on the disk is there. */
async function writeCut(): Promise<string> {
  const partitions: PlannedPartition[] = [
    { number: 1, kind: "linux", bootable: true, startBytes: 8 * MiB, sizeBytes: rootBytes, name: "root" },
    { number: 2, kind: "linux", bootable: false, startBytes: MiB, sizeBytes: 7 * MiB, name: "esp" },
  ];
  const small = ext4Writer({ features: "portable" }).plan(
    request(treeOf({ "/EFI/x": file("x") }), { size: { exactBytes: 7 * MiB } }),
  );
  const source = composeSource(10 * MiB, [
    ...mbr.plan({ diskSizeBytes: 64 * MiB, partitions, seed: "disk", bootCode: pattern(440) }),
    { offsetBytes: MiB, source: small.source },
  ]);
  const path = join(scratch, "cut.raw");
  await emitImage(
    { source, outputs: [{ format: diskFormats.raw, path }], compress: true, clusterSizeBytes: 65_536 },
    work,
  );
  return path;
}

async function update(path: string, planned = next()) {
  const target = openUpdateTarget(path);
  try {
    const plan = planUpdate({ target, planned, mounts: [], seed: "next" });
    const { format, ...how } = target.format;
    await emitImage({ ...how, source: plan.source, outputs: [{ format, path }] }, work);
    return plan;
  } finally {
    target.close();
  }
}

describe("a disk whose system has lived", () => {
  test("gets the profile's new files and keeps the system's own", async () => {
    const disk = await makeDisk();
    await live(disk);
    const before = readFileSync(disk);
    const headerBefore = await ext4Header(rootImage);
    const { changes } = await update(disk);
    expect(changes).toMatchObject({
      added: ["/usr/bin/new"],
      replaced: ["/etc/os-release", "/usr/bin/tool"],
      removed: ["/usr/bin/old"],
      kept: ["/etc/ssh", "/etc/ssh/host_key", "/etc/ssh/pipe", "/var/lib/app/state"],
      "kept-changed": ["/etc/shadow"],
      overruled: ["/etc/motd"],
    });

    const after = readFileSync(disk);
    expect(Buffer.compare(after.subarray(0, MiB), before.subarray(0, MiB))).toBe(0);
    expect(Buffer.compare(after.subarray(dataStartBytes), before.subarray(dataStartBytes))).toBe(0);
    await checkExt4(takeRoot(disk));
    const text = await textOfExt4(rootImage, scratch);
    expect(text).toMatchObject({
      ...Object.fromEntries(Object.entries(textOfTree(next())).filter(([path]) => path !== "/etc/shadow")),
      "/etc/shadow": expect.stringMatching(/^file 0640 0:42 \d+ 27 /),
      "/etc/ssh/host_key": expect.stringMatching(/^file 0600 0:0 \d+ 9 /),
      "/var/lib/app/state": expect.stringContaining("user.origin="),
    });
    expect(text["/usr/bin/old"]).toBeUndefined();
    const header = await ext4Header(rootImage);
    for (const key of ["Filesystem features", "Filesystem UUID", "Filesystem volume name", "Block count", "Inode size"])
      expect(header[key]).toBe(headerBefore[key]);
  });

  test("has nothing to do the second time, and the same disk makes the same disk", async () => {
    const disk = await makeDisk();
    await live(disk);
    const copy = join(scratch, "copy.raw");
    copyFileSync(disk, copy);
    await update(disk);
    await update(copy);
    expect(Buffer.compare(readFileSync(disk), readFileSync(copy))).toBe(0);
    const again = await update(disk);
    expect(again.isNeeded).toBe(false);
    expect(again.changes["kept-changed"]).toEqual(["/etc/shadow"]);
  });

  test("what lies in partitions of its own is left alone, and told if it should have been changed", async () => {
    const disk = await makeDisk();
    const target = openUpdateTarget(disk);
    const planned = next();
    planned.set("/var/lib/app/shipped", file("in another partition"));
    const { changes, leftOld } = planUpdate({ target, planned, mounts: ["/var/lib/app"], seed: "next" });
    expect(changes.added).toEqual(["/usr/bin/new"]);
    expect(leftOld).toEqual(["/var/lib/app/shipped"]);
    target.close();
  });
});

test.each(["qcow2", "vhd", "vhd-fixed", "vmdk", "vmdk-flat", "vdi"] as const)("%s stays what it is", async (format) => {
  const disk = await makeDisk({ format, name: format });
  const raw = await makeDisk({ name: `raw-${format}` });
  await update(disk);
  await update(raw);
  const name = { vhd: "vpc", "vhd-fixed": "vpc", "vmdk-flat": "vmdk" }[format as string] ?? format;
  const compared = await runOracle("qemu-img", ["compare", "-f", name, "-F", "raw", disk, raw]);
  expect(compared.output).toContain("Images are identical");
});

test("the features stay what they are", async () => {
  for (const ext4 of [
    { features: "modern" },
    { features: "asterinas" },
    { features: "dragonos", journal: true },
  ] as const) {
    const disk = await makeDisk({ ext4 });
    const before = await ext4Header(takeRoot(disk));
    await update(disk);
    await checkExt4(takeRoot(disk));
    expect((await ext4Header(rootImage))["Filesystem features"]).toBe(before["Filesystem features"]);
  }
});

describe("what cannot be updated", () => {
  test("for want of room says how much is missing", async () => {
    const disk = await makeDisk();
    const planned = next();
    planned.set("/large", file(pattern(40 * MiB)));
    const target = openUpdateTarget(disk);
    const [problem] = problemsOf(() => planUpdate({ target, planned, mounts: [], seed: "next" }));
    expect(problem?.code).toBe("image/disk-too-small");
    expect(problem?.message).toMatch(
      /^cannot update .*disk\.raw: its root file system has 41943040 bytes, and its contents need \d+ bytes$/,
    );
    target.close();
  });

  const listless = treeOf({ "/etc/os-release": file("ID=other\n") });
  test.each<[why: string, make: () => Promise<string>, code: string, message: string]>([
    [
      "made by others",
      () => makeDisk({ tree: listless }),
      "image/unsupported",
      "it has no /usr/share/cloudimg/manifest.json",
    ],
    [
      "with a journal to replay",
      () => spoiled("feature needs_recovery"),
      "image/unsupported",
      "its journal has not been replayed",
    ],
    [
      "with features of others",
      () => spoiled("feature ^dir_index"),
      "image/unsupported",
      "features that cloudimg does not write together",
    ],
    [
      "with boot code in its root",
      () => spoiled("zap_block -o 0 -l 512 -p 0x90 0"),
      "image/unsupported",
      "begins with boot code",
    ],
    ["based on another", overlay, "image/unsupported", "it is based on"],
    ["with snapshots", snapshot, "image/unsupported", "it has snapshots"],
  ])("%s", async (_, make, code, message) => {
    const disk = await make();
    const [problem] = problemsOf(() => openUpdateTarget(disk));
    expect(problem).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

async function spoiled(command: string): Promise<string> {
  const disk = await makeDisk();
  takeRoot(disk);
  await runOracle("debugfs", ["-w", "-R", command, rootImage]);
  const fd = openSync(disk, "r+");
  writeSync(fd, readFileSync(rootImage), 0, rootBytes, MiB);
  closeSync(fd);
  return disk;
}

async function overlay(): Promise<string> {
  const base = await makeDisk({ format: "qcow2", name: "base" });
  const path = join(scratch, "overlay.qcow2");
  await runOracle("qemu-img", ["create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", path]);
  return path;
}

async function snapshot(): Promise<string> {
  const path = await makeDisk({ format: "qcow2", name: "snapshot" });
  await runOracle("qemu-img", ["snapshot", "-c", "before", path]);
  return path;
}

describe("partitions of their own keep their UUIDs", () => {
  test("of any kind; one that is not there is refused", async () => {
    const disk = await makeDisk();
    const write = async (args: readonly [string, ...string[]]) => {
      const part = join(scratch, "part");
      writeFileSync(part, new Uint8Array(dataBytes));
      const [tool, ...rest] = args;
      const { status, output } = await runOracle(tool, [...rest, part]);
      if (status !== 0) throw new Error(output);
      const fd = openSync(disk, "r+");
      writeSync(fd, readFileSync(part), 0, dataBytes, dataStartBytes);
      closeSync(fd);
    };
    const uuids = () => {
      const target = openUpdateTarget(disk);
      try {
        return partitionUuids(target.image, [{ number: 2, name: "data" }]);
      } finally {
        target.close();
      }
    };
    await write(["mke2fs", "-q", "-F", "-U", "6f1d7c52-0b7e-4a31-9c4e-2f4c8e0d5b12"]);
    expect(uuids()).toEqual(["6f1d7c52-0b7e-4a31-9c4e-2f4c8e0d5b12"]);
    await write(["mkfs.fat", "-i", "1234abcd"]);
    expect(uuids()).toEqual(["1234abcd-0000-8000-8000-000000000000"]);
    await write(["mkswap", "-U", "6f1d7c52-0b7e-4a31-9c4e-2f4c8e0d5b13"]);
    expect(uuids()).toEqual(["6f1d7c52-0b7e-4a31-9c4e-2f4c8e0d5b13"]);

    const target = openUpdateTarget(disk);
    expect(problemsOf(() => partitionUuids(target.image, [{ number: 3, name: "more" }]))[0]?.message).toContain(
      'the profile has a partition "more", number 3, which it has not',
    );
    target.close();
  });
});
