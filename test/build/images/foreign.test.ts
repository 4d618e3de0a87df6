import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cloudimg } from "../../cli/cloudimg.ts";
import { emptyFile, placeAt, systemFiles, tool, writeFiles } from "../../examine/images.ts";
import { runOracle } from "../../oracles/run.ts";
import { oracle } from "../../oracles/tools.ts";
import { sha256OfFile } from "../../sha256.ts";
import { openWorkshop, textOfHost, type Workshop } from "./foreign-tools.ts";

const MiB = 1024 ** 2;
const directory = mkdtempSync(join(tmpdir(), "cloudimg-foreign-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string) => join(directory, name);
let workshop: Workshop;

/** A verb's result, as scripts get it. */
async function json(args: readonly string[], codes: readonly (number | null)[] = [0]) {
  const { code, stdout, stderr } = await cloudimg([...args, "--json"], { cwd: directory });
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
  expect(codes, `${args.join(" ")}: ${stdout} ${stderr}`).toContain(code);
  expect(stdout + stderr).not.toContain("bug/internal");
  return last.value;
}

type Partition = { readonly partition?: number };

interface Place {
  readonly number: number | undefined;
  readonly startBytes: number;
  readonly sizeBytes: number;
}

/** What sfdisk and blkid see of a disk. */
async function seenByOthers(disk: string): Promise<{ table: unknown; partitions: unknown[]; places: Place[] }> {
  const { status, output } = await runOracle("sfdisk", ["--json", at(disk)]);
  // The first sector of a FAT may be taken for a table without partitions.
  const isTable = status === 0 && JSON.parse(output).partitiontable.partitions !== undefined;
  if (!isTable)
    return {
      ...{ table: undefined, partitions: [] },
      places: [{ number: undefined, startBytes: 0, sizeBytes: statSync(at(disk)).size }],
    };
  const { label, id, partitions } = JSON.parse(output).partitiontable;
  type Told = { node: string; start: number; size: number; type: string; name?: string; uuid?: string };
  const numbered = (partitions as Told[]).map((each) => ({ ...each, number: Number(/\d+$/.exec(each.node)?.[0]) }));
  return {
    table: { name: label === "dos" ? "mbr" : label, id: id.replace(/^0x/, "").toLowerCase() },
    partitions: numbered.map(({ number, start, size, type, name, uuid }) => ({
      ...{ number, startBytes: start * 512, sizeBytes: size * 512 },
      type: label === "dos" ? `0x${type.padStart(2, "0")}` : type.toLowerCase(),
      ...(label === "gpt" && { name: name ?? "", id: uuid?.toLowerCase() }),
    })),
    places: numbered
      .filter(({ type }) => type !== "5" && type !== "f")
      .map(({ number, start, size }) => ({ number, startBytes: start * 512, sizeBytes: size * 512 })),
  };
}

/** `blkid` of a part of a disk: TYPE, UUID, LABEL. */
async function blkid(disk: string, { startBytes, sizeBytes }: Place): Promise<Record<string, string>> {
  const range = ["-O", String(startBytes), "-S", String(sizeBytes)];
  const { output } = await runOracle("blkid", ["-p", ...range, "-o", "export", at(disk)]);
  return Object.fromEntries(output.split("\n").flatMap((line) => (line.includes("=") ? [line.split("=", 2)] : [])));
}

/** inspect tells what sfdisk and blkid tell, and of what is wrong no more than is known, by partition. */
async function judgeInspection(disk: string, format = "raw", raw = disk, known: Readonly<Record<number, RegExp>> = {}) {
  const told = await json(["inspect", disk]);
  const { table, partitions, places } = await seenByOthers(raw);
  expect(told).toMatchObject({ format, sizeBytes: statSync(at(raw)).size, problems: [] });
  expect(told.table).toEqual(table === undefined ? undefined : { ...table, problems: [] });
  expect(told.partitions).toMatchObject(partitions);
  expect(told.volumes).toHaveLength(places.length);
  for (const [index, place] of places.entries()) {
    const { TYPE, UUID = "", LABEL = "" } = await blkid(raw, place);
    const volume = told.volumes[index];
    expect(volume.partition).toBe(place.number);
    expect(volume.kind).toBe(TYPE?.replace("vfat", "fat").replace(/^ext[23]$/, "ext4"));
    if (TYPE === "swap") continue;
    expect(volume.problem).toBeUndefined();
    const { type, uuid, label, problems } = volume.fileSystem;
    const expected = known[place.number ?? 0];
    expect({ uuid, label, problems }).toEqual({
      ...{ uuid: UUID, label: LABEL },
      problems: expected === undefined ? [] : [expect.stringMatching(expected)],
    });
    expect(type).toMatch(TYPE === "vfat" ? /^fat(12|16|32)$/ : new RegExp(`^${TYPE}$`));
  }
  return told;
}

let copies = 0;
/** `cp -r` copies, `ls -R` lists, what was put in. */
async function judgeContents(place: string, source: string, isThere = (_: string) => true): Promise<void> {
  const wanted = Object.fromEntries(Object.entries(textOfHost(at(source))).filter(([path]) => isThere(path)));
  const name = `copied-${copies++}`;
  await json(["cp", "-r", `${place}:/`, name]);
  expect(textOfHost(at(name))).toEqual(wanted);
  const { entries } = await json(["ls", "-R", `${place}:/`]);
  const listed = entries
    .map(({ path }: { path: string }) => path.slice(1))
    .filter((path: string) => path !== "lost+found");
  expect(listed.sort()).toEqual(Object.keys(wanted).sort());
}

/** convert makes the same disk of it. */
async function judgeConverted(disk: string, format: string, qemuName = format): Promise<void> {
  const out = `${disk}.converted.${format}`;
  await json(["convert", disk, out]);
  const compared = await runOracle("qemu-img", ["compare", "-f", "raw", "-F", qemuName, at(disk), at(out)]);
  expect(compared).toEqual({ status: 0, output: "Images are identical.\n" });
  rmSync(at(out));
}

/** check says something of it for each cloud, and it is an answer. */
async function rulesBroken(disk: string): Promise<string[]> {
  const { findings } = await json(["check", disk], [0, 8]);
  return findings.map(({ cloud, rule }: { cloud: string; rule: string }) => `${cloud} ${rule}`);
}

async function withInput(name: string, args: readonly string[], input: string): Promise<void> {
  const [program = "", ...first] = await oracle(name);
  const { status, stderr } = spawnSync(program, [...first, ...args], { input, encoding: "utf8" });
  expect(status, stderr).toBe(0);
}

beforeAll(async () => {
  writeFiles(at("system"), {
    ...systemFiles,
    "usr/share/deep/er/file": "deep\n",
    "usr/share/zeros": new Uint8Array(200_000),
  });
  writeFiles(at("plain"), { "EFI/BOOT/Long name.txt": "on the ESP\n", "NAME.TXT": "x".repeat(70_000), empty: "" });
  workshop = await openWorkshop(directory, [
    ...["mke2fs", "mkfs.ext4", "mkfs.fat", "mkfs.vfat", "mkdosfs", "mcopy", "mmd", "mformat", "e2fsck", "tune2fs"],
    ...["mksquashfs", "mkswap", "xorriso", "grub-mkimage", "grub-render-label", "debugfs"],
  ]);
  // Debian's own of today, whatever this host has: its defaults are in its configuration.
  const e2fsprogs = ["e2fsprogs"];
  const environment = { MKE2FS_CONFIG: join(await workshop.directoryOf(e2fsprogs), "etc/mke2fs.conf") };
  for (const [name, size] of Object.entries({ ext4: "24M", ext3: "16M", ext2: "8M" })) {
    const options = ["-q", "-t", name, "-L", `by-${name}`, "-d", at("system"), at(name), size];
    await workshop.run(e2fsprogs, "mke2fs", options, { cwd: directory, environment });
  }
  await tool("mksquashfs", [at("system"), at("squashfs"), "-noappend", "-quiet", "-no-progress"]);
  const fats = [
    ["fat32", 40 * MiB, "-F", "32", "-n", "EFI"] as const,
    ["fat16", 12 * MiB, "-F", "16", "-s", "1"] as const,
  ];
  for (const [name, sizeBytes, ...options] of fats) {
    emptyFile(at(name), sizeBytes);
    await tool("mkfs.fat", [...options, at(name)]);
    for (const file of ["EFI", "NAME.TXT", "empty"])
      await tool("mcopy", ["-s", "-i", at(name), at(`plain/${file}`), "::/"]);
  }
  emptyFile(at("swap"), 2 * MiB);
  await tool("mkswap", ["-q", "-L", "swapping", at("swap")]);
}, 120_000);

/** Puts files into the partitions of a disk, at sectors. */
function fill(disk: string, parts: Readonly<Record<number, string>>): void {
  for (const [sector, name] of Object.entries(parts)) placeAt(at(disk), at(name), Number(sector) * 512);
}

async function gptDisk(): Promise<void> {
  emptyFile(at("gpt.raw"), 96 * MiB);
  await tool("sgdisk", [
    ...[
      "-n",
      "15:2048:+40M",
      "-t",
      "15:ef00",
      "-c",
      "15:EFI System",
      "-n",
      "1:83968:+24M",
      "-t",
      "1:8304",
      "-c",
      "1:Wurzel ä",
    ],
    ...["-n", "3:133120:+8M", "-t", "3:8300", "-n", "4:149504:+2M", "-t", "4:8200", at("gpt.raw")],
  ]);
  fill("gpt.raw", { 2048: "fat32", 83968: "ext4", 133120: "squashfs", 149504: "swap" });
}

describe("disks with file systems by their own tools", { timeout: 120_000 }, () => {
  test("a GPT by sgdisk: FAT32, ext4, squashfs, swap", async () => {
    await gptDisk();
    const told = await judgeInspection("gpt.raw");
    expect(told.root).toMatchObject({ partition: 1, system: { hostname: "probe-host" } });
    await judgeContents("gpt.raw:1", "system");
    await judgeContents("gpt.raw:15", "plain");
    await judgeContents("gpt.raw:3", "system");
    await judgeConverted("gpt.raw", "qcow2");
    const { features } = told.volumes.find(({ partition }: Partition) => partition === 1).fileSystem;
    expect(features).toEqual(expect.arrayContaining(["64bit", "metadata_csum", "metadata_csum_seed", "orphan_file"]));
    const broken = await rulesBroken("gpt.raw");
    // What mke2fs does today, and Alibaba's import refuses.
    expect(broken).toContain("alibaba ext4-64bit");
  });

  test("an MBR by sfdisk: logical partitions, ext2, ext3, FAT16", async () => {
    emptyFile(at("mbr.raw"), 64 * MiB);
    await withInput("sfdisk", ["-q", at("mbr.raw")], "label: dos\n2048,8M,83,*\n,,5\n,16M,83\n,12M,6\n,2M,82\n");
    const { partitions } = await json(["inspect", "mbr.raw"]);
    const starts = Object.fromEntries(partitions.map((each: Place) => [each.number, each.startBytes / 512]));
    fill("mbr.raw", { [starts[1]]: "ext2", [starts[5]]: "ext3", [starts[6]]: "fat16", [starts[7]]: "swap" });
    await judgeInspection("mbr.raw");
    await judgeContents("mbr.raw:1", "system");
    await judgeContents("mbr.raw:5", "system");
    await judgeContents("mbr.raw:6", "plain");
    await judgeConverted("mbr.raw", "vdi");
    await rulesBroken("mbr.raw");
  });

  test.each(["ext4", "fat32"])("a bare %s", async (name) => {
    await judgeInspection(name);
    await judgeContents(name, name === "ext4" ? "system" : "plain");
    await rulesBroken(name);
  });

  test.each<[string, string[]]>([
    ["gzip", ["-comp", "gzip"]],
    ["xz", ["-comp", "xz", "-b", "1M"]],
    ["zstd", ["-comp", "zstd", "-no-fragments", "-no-duplicates"]],
    ["uncompressed", ["-noI", "-noD", "-noF", "-noX"]],
  ])("a bare squashfs, %s", async (_, options) => {
    const made = [at("system"), at("bare.squashfs"), "-noappend", "-quiet", "-no-progress", ...options];
    await tool("mksquashfs", made);
    await judgeInspection("bare.squashfs");
    await judgeContents("bare.squashfs", "system");
  });
});

describe("discs", { timeout: 120_000 }, () => {
  test.each<[string, string, string[]]>([
    ["genisoimage", "genisoimage", ["-quiet", "-R", "-J", "-V", "DISC"]],
    ["xorriso", "xorriso", ["-as", "mkisofs", "-quiet", "-R", "-J", "-V", "DISC"]],
  ])("%s", async (name, program, options) => {
    await tool(program, [...options, "-o", at(`${name}.iso`), at("system")]);
    const told = await judgeInspection(`${name}.iso`);
    expect(told.root.system.hostname).toBe("probe-host");
    await judgeContents(`${name}.iso`, "system");
    await judgeConverted(`${name}.iso`, "qcow2");
    await rulesBroken(`${name}.iso`);
  });

  test("grub-mkrescue: a disc that is a disk too", async () => {
    const grub = ["grub-common", "grub-pc-bin"];
    const modules = join(await workshop.directoryOf(grub), "usr/lib/grub/i386-pc");
    await workshop.run(grub, "grub-mkrescue", ["-d", modules, "-o", at("rescue.iso"), at("system")], {
      cwd: directory,
    });
    const told = await json(["inspect", "rescue.iso"]);
    expect(told.root.system.hostname).toBe("probe-host");
    expect(told.bootCode.name).toMatch(/^GRUB/);
    const { stdout } = await cloudimg(["cat", "rescue.iso:/etc/hostname"], { cwd: directory });
    expect(stdout).toBe("probe-host\n");
    const { entries } = await json(["ls", "rescue.iso:/boot/grub/i386-pc"]);
    expect(entries.map(({ path }: { path: string }) => path)).toContain("/boot/grub/i386-pc/eltorito.img");
    await judgeConverted("rescue.iso", "qcow2");
    await rulesBroken("rescue.iso");
  });
});

describe("what others' builders make", { timeout: 120_000 }, () => {
  test("systemd-repart", async () => {
    const definitions = {
      "10-esp.conf": "Type=esp\nFormat=vfat\nCopyFiles=/etc/hostname:/EFI/name\nSizeMinBytes=40M\nSizeMaxBytes=40M\n",
      "20-root.conf": "Type=root\nFormat=ext4\nCopyFiles=/\nSizeMinBytes=32M\n",
      "30-usr.conf": "Type=usr\nFormat=squashfs\nCopyFiles=/usr:/\nMinimize=best\n",
      "40-swap.conf": "Type=swap\nFormat=swap\nSizeMinBytes=8M\nSizeMaxBytes=8M\n",
    };
    for (const [name, text] of Object.entries(definitions))
      writeFiles(at("repart.d"), { [name]: `[Partition]\n${text}` });
    const options = ["--empty=create", "--size=auto", "--offline=yes", "--dry-run=no", "--pager=no"].slice(0, 4);
    const from = [`--definitions=${at("repart.d")}`, `--root=${at("system")}`];
    await workshop.run(["systemd-repart"], "systemd-repart", [...options, ...from, at("repart.raw")], {
      cwd: directory,
    });
    // It tells mkfs.fat to make FAT32, also where that has too few clusters.
    const told = await judgeInspection("repart.raw", "raw", "repart.raw", {
      1: /^it is made as FAT32 but has \d+ clusters/,
    });
    expect(told.root.system.hostname).toBe("probe-host");
    // What other partitions are for is not in the root.
    await judgeContents("repart.raw:2", "system", (path) => !/^(usr|boot)\//.test(path));
    await judgeContents("repart.raw:3", "system/usr");
    expect((await cloudimg(["cat", "repart.raw:1:/EFI/name"], { cwd: directory })).stdout).toBe("probe-host\n");
    await judgeConverted("repart.raw", "vmdk");
    await rulesBroken("repart.raw");
  });

  test("genimage", async () => {
    writeFileSync(
      at("genimage.cfg"),
      `image root.ext4 { ext4 { label = "gen-root" } mountpoint = "/" size = 16M }
image boot.vfat { vfat { label = "GENBOOT" files = { "NAME.TXT" } } size = 8M }
image genimage.raw { hdimage { partition-table-type = "hybrid" align = 1M }
  partition boot { image = "boot.vfat" partition-type-uuid = "U" partition-type = 0xef }
  partition root { image = "root.ext4" partition-type-uuid = "L" } }\n`,
    );
    const paths = ["--rootpath", "system", "--inputpath", "plain", "--outputpath", ".", "--tmppath", "genimage.tmp"];
    await workshop.run(["genimage"], "genimage", ["--config", "genimage.cfg", ...paths], { cwd: directory });
    const told = await json(["inspect", "genimage.raw"]);
    expect(told).toMatchObject({ table: { name: "gpt", problems: [] }, root: { system: { hostname: "probe-host" } } });
    await judgeContents("genimage.raw:2", "system");
    expect((await json(["ls", "genimage.raw:1:/"])).entries).toMatchObject([{ path: "/NAME.TXT", sizeBytes: 70_000 }]);
    await judgeConverted("genimage.raw", "vhd", "vpc");
    await rulesBroken("genimage.raw");
  });
});

const luks = [
  ...["create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=abc"],
  ...["-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"],
];

async function qemuConverted(format: string, path: string): Promise<void> {
  await tool("qemu-img", ["convert", "-f", "raw", "-O", format, at("gpt.raw"), path]);
}

/** Whole sectors, as a raw disk has them. */
function padded(path: string, bytes: Uint8Array): void {
  writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(512 - bytes.length)]));
}

describe("every format of qemu-img, of a whole disk", { timeout: 120_000 }, () => {
  let identity: string;
  beforeAll(async () => {
    await gptDisk();
    identity = await sha256OfFile(at("gpt.raw"));
  });

  /** Reads as the same disk, is inspected as it, and becomes it again. */
  async function judgeFormat(path: string, format: string): Promise<void> {
    await judgeInspection(path, format, "gpt.raw");
    const back = `${path}.back.raw`;
    const { identity: converted, diskSizeBytes } = await json(["convert", path, back]);
    expect({ converted, diskSizeBytes }).toEqual({ converted: identity, diskSizeBytes: statSync(at("gpt.raw")).size });
    expect(await sha256OfFile(at(back))).toBe(identity);
    rmSync(at(back));
    expect((await cloudimg(["diff", "gpt.raw", path, "--exit-code"], { cwd: directory })).code).toBe(0);
  }

  test.each<[ours: string, theirs: string, options: string[]]>([
    ["qcow2", "qcow2", []],
    ["qcow2", "qcow2", ["-c"]],
    ["qcow2", "qcow2", ["-c", "-o", "compression_type=zstd,cluster_size=2M"]],
    ["qcow2", "qcow2", ["-o", "compat=0.10,cluster_size=512"]],
    ["qcow2", "qcow2", ["-o", "extended_l2=on,cluster_size=128k,preallocation=metadata"]],
    ["vhd", "vpc", ["-o", "force_size=on"]],
    ["vhd", "vpc", ["-o", "subformat=fixed,force_size=on"]],
    ["vdi", "vdi", []],
    ["vdi", "vdi", ["-o", "static=on"]],
    ["vmdk", "vmdk", []],
    ["vmdk", "vmdk", ["-o", "subformat=streamOptimized"]],
    ["vmdk", "vmdk", ["-o", "subformat=monolithicFlat"]],
    ["vmdk", "vmdk", ["-o", "subformat=twoGbMaxExtentSparse"]],
    ["vmdk", "vmdk", ["-o", "subformat=twoGbMaxExtentFlat"]],
  ])("%s: %s %j", async (ours, theirs, options) => {
    mkdirSync(at("format"), { recursive: true });
    const path = `format/disk.${ours}`;
    await tool("qemu-img", ["convert", "-f", "raw", "-O", theirs, ...options, at("gpt.raw"), at(path)]);
    await judgeFormat(path, ours);
    rmSync(at("format"), { recursive: true });
  });

  test("a chain of three files of two formats", async () => {
    await tool("qemu-img", ["convert", "-f", "raw", "-O", "vmdk", at("gpt.raw"), at("base.vmdk")]);
    await tool("qemu-img", ["create", "-q", "-f", "qcow2", "-b", "base.vmdk", "-F", "vmdk", at("middle.qcow2")]);
    await tool("qemu-img", ["create", "-q", "-f", "qcow2", "-b", "middle.qcow2", "-F", "qcow2", at("top.qcow2")]);
    // What is changed in the middle and changed back on top.
    await tool("qemu-io", ["-f", "qcow2", "-c", "write -P 7 95M 64k", at("middle.qcow2")]);
    await tool("qemu-io", ["-f", "qcow2", "-c", "write -z 95M 64k", at("top.qcow2")]);
    // There the backup of the GPT lies too.
    const tail = readFileSync(at("gpt.raw")).subarray(95 * MiB, 95 * MiB + 65536);
    expect(tail.every((byte) => byte === 0)).toBe(true);
    await judgeFormat("top.qcow2", "qcow2");
    expect((await cloudimg(["diff", "gpt.raw", "middle.qcow2", "--exit-code"], { cwd: directory })).code).toBe(8);
  });

  test("a VHD whose size qemu-img has rounded up holds the disk, and zeros behind it", async () => {
    await tool("qemu-img", ["convert", "-f", "raw", "-O", "vpc", at("gpt.raw"), at("rounded.vhd")]);
    await json(["convert", "rounded.vhd", "rounded.qcow2"]);
    const { status, output } = await runOracle("qemu-img", ["compare", at("gpt.raw"), at("rounded.qcow2")]);
    expect(status, output).toBe(0);
    await rulesBroken("rounded.vhd");
  });

  test.each<[what: string, said: RegExp, make: (path: string) => Promise<unknown>]>([
    ["VHDX", /VHDX is not read/, (path) => qemuConverted("vhdx", path)],
    ["QED", /QED is not read/, (path) => qemuConverted("qed", path)],
    ["Parallels", /Parallels is not read/, (path) => qemuConverted("parallels", path)],
    ["qcow of before 2008", /version is 1/, (path) => qemuConverted("qcow", path)],
    ["qcow2 with LUKS", /LUKS|encrypted/, (path) => tool("qemu-img", [...luks, path, "8M"])],
    ["what gzip has compressed", /gzip has compressed is not read/, async (path) => padded(path, gzipSync("x"))],
    [
      "what zstd has compressed",
      /zstd has compressed is not read/,
      async (path) => padded(path, zstdCompressSync("x")),
    ],
    [
      "an archive like OVA",
      /OVA files are, is not read/,
      (path) => tool("tar", ["-cf", path, "-C", directory, "ext4"]),
    ],
  ])("%s is refused, and not taken for raw", async (_, said, make) => {
    await make(at("refused.img"));
    for (const verb of ["inspect", "convert", "ls", "check"]) {
      const image = verb === "ls" ? "refused.img:/" : "refused.img";
      const more = verb === "convert" ? ["refused.raw"] : [];
      const { code, stderr } = await cloudimg([verb, image, ...more], { cwd: directory });
      expect({ verb, code, stderr }).toEqual({ verb, code: 6, stderr: expect.stringMatching(said) });
      expect(stderr).toMatch(/\[image\/unsupported\]/);
    }
    rmSync(at("refused.img"));
  });
});
