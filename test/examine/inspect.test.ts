import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readAll } from "../../src/core/byte-source.ts";
import { type Inspection, inspectImage } from "../../src/examine/inspect.ts";
import { examineImage } from "../../src/examine/open.ts";
import { chooseVolume, findRoot } from "../../src/examine/root.ts";
import { loaderPackages } from "../build/boot/loader-packages.ts";
import { problemsOf } from "../build/filesystems/requests.ts";
import {
  emptyFile,
  ext4Of,
  fatOf,
  gptDisk,
  placeAt,
  scratchDirectory,
  systemFiles,
  tool,
  writeFiles,
} from "./images.ts";

const scratch = scratchDirectory();
const at = (name: string) => join(scratch, name);

function inspect(path: string): Inspection {
  const image = examineImage(path);
  try {
    return inspectImage(image);
  } finally {
    image.close();
  }
}

beforeAll(async () => {
  writeFiles(at("system"), systemFiles);
  writeFiles(at("esp"), { "EFI/BOOT/notes.txt": "no program\n", "EFI/BOOT/BOOTX64.EFI": "MZ, but none either\n" });
  await ext4Of(at("system"), at("root.ext4"));
  await fatOf(at("esp"), ["EFI"], at("esp.fat"));
  await gptDisk(at("gpt.raw"), { esp: at("esp.fat"), root: at("root.ext4") });
}, 120_000);

describe("a disk with a GPT, by sgdisk", () => {
  test("table, partitions, and what is in them", () => {
    const found = inspect(at("gpt.raw"));
    expect(found).toMatchObject({ format: "raw", sizeBytes: 32 << 20, gaps: [], bootCode: undefined });
    expect(found.table).toEqual({ name: "gpt", id: "11111111-2222-3333-4444-555555555555", problems: [] });
    const told = found.partitions.map(({ number, startBytes, sizeBytes, name, typeName }) => [
      ...[number, startBytes / 512, sizeBytes >> 20, name, typeName],
    ]);
    expect(told).toEqual([
      [1, 2048, 4, "EFI System", "EFI system"],
      [2, 12288, 8, "root", "Linux"],
      [3, 28672, 2, expect.any(String), "Linux swap"],
    ]);
    expect(found.partitions[1]?.id).toBe("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    const types = found.volumes.map(({ partition, fileSystem }) => [partition, fileSystem?.type, fileSystem?.label]);
    expect(types).toEqual([
      [1, "fat12", "PROBE-ESP"],
      [2, "ext4", "probe-root"],
      [3, undefined, undefined],
    ]);
  });

  test("the root is found, and the system in it", () => {
    const { root, volumes } = inspect(at("gpt.raw"));
    expect(root?.partition).toBe(2);
    expect(root?.system).toMatchObject({
      osRelease: { ID: "probe", PRETTY_NAME: "Probe 1 (test)" },
      hostname: "probe-host",
      machineId: "empty",
      sshHostKeys: [],
    });
    // No secret is told.
    expect(root?.system.logins).toEqual([
      { name: "root", uid: 0, gid: 0, home: "/root", shell: "/bin/sh", password: "none", keys: 2 },
      { name: "ada", uid: 1000, gid: 1000, home: "/home/ada", shell: "/bin/sh", password: "set", keys: 0 },
    ]);
    expect(JSON.stringify(root)).not.toMatch(/\$6\$|AAAA/);
    expect(volumes[1]?.fileSystem).toMatchObject({
      bootConfigs: [
        {
          path: "/boot/grub/grub.cfg",
          entries: [
            {
              title: 'Probe "1"',
              kernel: "/boot/vmlinuz-6.1.0",
              initrd: "/boot/initrd.img-6.1.0",
              cmdline: "root=UUID=1 quiet",
            },
          ],
        },
      ],
      initrds: [{ path: "/boot/initrd.img-6.1.0", compression: "cpio" }],
      kernels: [],
    });
  });

  test("sizes add up, further names count once", () => {
    const sizes = inspect(at("gpt.raw")).root?.sizes;
    const plain = Object.values(systemFiles).filter((content) => !/^(->|=) /.test(content));
    expect(sizes?.sizeBytes).toBe(plain.reduce((sum, content) => sum + Buffer.byteLength(content), 0));
    expect(sizes?.directories[0]).toMatchObject({ name: "usr", files: 2 });
    expect(sizes?.directories[0]?.directories[0]).toMatchObject({ name: "share", sizeBytes: 70_000 });
  });

  test("data in a gap is told of, with its place", async () => {
    copyFileSync(at("gpt.raw"), at("gap.raw"));
    writeFileSync(at("bytes"), "something that was left here");
    placeAt(at("gap.raw"), at("bytes"), 40 * 512);
    expect(inspect(at("gap.raw")).gaps).toEqual([
      {
        startBytes: 34 * 512,
        sizeBytes: (2048 - 34) * 512,
        dataStartBytes: 40 * 512,
        dataBytes: 512,
        what: "unknown data",
      },
    ]);
  });

  test("a disk that was cut short: what is there is told, what is not is a problem", () => {
    copyFileSync(at("gpt.raw"), at("cut.raw"));
    truncateSync(at("cut.raw"), 10 << 20);
    const found = inspect(at("cut.raw"));
    expect(found.table?.problems.join("\n")).toMatch(/partition 2 .*past the end|backup/);
    expect(found.volumes.map(({ partition }) => partition)).toEqual([1]);
  });
});

describe("every format of qemu-img holds the same disk", () => {
  test.each([
    ["qcow2", []],
    ["qcow2", ["-c"]],
    ["vpc", ["-o", "force_size=on"]],
    ["vdi", []],
    ["vmdk", ["-o", "subformat=streamOptimized"]],
    ["vmdk", []],
  ] as const)("%s %j", async (format, options) => {
    const name = { vpc: "vhd" }[format as string] ?? format;
    const path = at(`gpt-${options.length}.${name}`);
    await tool("qemu-img", ["convert", "-f", "raw", "-O", format, ...options, at("gpt.raw"), path]);
    const [raw, other] = [inspect(at("gpt.raw")), inspect(path)];
    expect(other.format).toBe(name);
    const { table, partitions, volumes, root } = raw;
    expect(other).toMatchObject({ table, partitions, volumes, root });
  });
});

describe("an MBR by sfdisk", () => {
  test("primary, extended and logical partitions", async () => {
    emptyFile(at("mbr.raw"), 32 << 20);
    writeFileSync(at("script"), "label: dos\nlabel-id: 0x12345678\n2048,4M,ef,*\n,,5\n,8M,83\n,4M,82\n");
    const { spawnSync } = await import("node:child_process");
    const { oracle } = await import("../oracles/tools.ts");
    const [program = "", ...first] = await oracle("sfdisk");
    const made = spawnSync(program, [...first, at("mbr.raw")], { input: readFileSync(at("script")) });
    expect(made.status, String(made.stderr)).toBe(0);
    const before = inspect(at("mbr.raw"));
    expect(before.table).toMatchObject({ name: "mbr", id: "12345678" });
    const numbers = before.partitions.map(({ number, typeName, bootable }) => [number, typeName, bootable]);
    expect(numbers).toEqual([
      [1, "EFI system", true],
      [2, "extended", false],
      [5, "Linux", false],
      [6, "Linux swap", false],
    ]);
    const logical = before.partitions[2];
    placeAt(at("mbr.raw"), at("root.ext4"), logical?.startBytes ?? 0);
    const found = inspect(at("mbr.raw"));
    expect(found.root?.partition).toBe(5);
    expect(found.volumes.map(({ partition }) => partition)).toEqual([1, 5, 6]);
  });
});

describe("file systems without a table", () => {
  test("ext4", () => {
    const found = inspect(at("root.ext4"));
    expect(found).toMatchObject({ table: undefined, partitions: [], gaps: [] });
    expect(found.volumes).toMatchObject([{ partition: undefined, kind: "ext4", fileSystem: { type: "ext4" } }]);
    expect(found.root?.system.hostname).toBe("probe-host");
  });

  test("FAT, whose boot sector looks like one of a disk", () => {
    const found = inspect(at("esp.fat"));
    expect(found).toMatchObject({ table: undefined, bootCode: undefined, root: undefined });
    expect(found.volumes[0]?.fileSystem).toMatchObject({ type: "fat12", efiPrograms: [] });
  });

  test("squashfs, by mksquashfs", async () => {
    await tool("mksquashfs", [at("system"), at("root.squashfs"), "-noappend", "-quiet", "-no-progress"]);
    expect(inspect(at("root.squashfs"))).toMatchObject({
      volumes: [{ kind: "squashfs" }],
      root: { system: { hostname: "probe-host" } },
    });
  });

  test("a CD by xorriso that is a disk with a table too", async () => {
    const image = at("hybrid.iso");
    await tool("xorriso", [
      ...["-as", "mkisofs", "-quiet", "-R", "-V", "PROBE-CD", "-o", image],
      ...["-partition_offset", "16", "-append_partition", "2", "0xef", at("esp.fat"), at("system")],
    ]);
    expect(existsSync(image)).toBe(true);
    const found = inspect(image);
    expect(found.table?.name).toBe("mbr");
    const told = found.volumes.map(({ partition, fileSystem }) => [partition, fileSystem?.type]);
    expect(told).toContainEqual([undefined, "iso9660"]);
    expect(told).toContainEqual([2, "fat12"]);
    expect(found.root?.system.hostname).toBe("probe-host");
  });

  test.each([
    ["xfs", 0, "XFSB"],
    ["btrfs", 0x10040, "_BHRfS_M"],
    ["LUKS", 0, "LUKS\xba\xbe"],
    ["swap", 4086, "SWAPSPACE2"],
  ])("%s is named, though it is not read", (kind, offset, magic) => {
    const bytes = Buffer.alloc(1 << 20);
    bytes.write(magic, offset, "latin1");
    writeFileSync(at("foreign.raw"), bytes);
    expect(inspect(at("foreign.raw")).volumes).toMatchObject([{ kind, fileSystem: undefined, problem: undefined }]);
  });
});

test("which root is meant cannot be told where there are two file systems and no system", async () => {
  writeFiles(at("data"), { "data.txt": "x" });
  await ext4Of(at("data"), at("data.ext4"));
  await gptDisk(at("data.raw"), { esp: at("esp.fat"), root: at("data.ext4") });
  const image = examineImage(at("data.raw"));
  const [problem] = problemsOf(() => findRoot(image));
  image.close();
  expect(problem).toMatchObject({
    code: "image/no-file-system",
    hint: expect.stringMatching(/data\.raw:1:\/.*data\.raw:2:\//),
  });
});

test("a damaged file system does not keep the rest from being told", () => {
  copyFileSync(at("gpt.raw"), at("damaged.raw"));
  writeFileSync(at("bytes"), Buffer.alloc(64 << 10, 0xff));
  // Group descriptors, inode tables: all but the superblock.
  placeAt(at("damaged.raw"), at("bytes"), 12288 * 512 + 2048);
  const found = inspect(at("damaged.raw"));
  expect(found.volumes[0]?.fileSystem?.type).toBe("fat12");
  expect(found.volumes[1]).toMatchObject({ kind: "ext4", fileSystem: undefined, problem: { code: "image/damaged" } });
  expect(found.root).toBeUndefined();
});

describe("CDs that Debian ships", { timeout: 120_000 }, () => {
  async function cd(packageName: string, path: string): Promise<string> {
    const node = (await loaderPackages("amd64", [packageName])).get(path);
    if (node?.type !== "file") throw new Error(`no ${path}`);
    writeFileSync(at(`${packageName}.iso`), readAll(node.content));
    return at(`${packageName}.iso`);
  }

  test("one whose first partition is itself is told of once", async () => {
    const found = inspect(await cd("ipxe", "/usr/lib/ipxe/ipxe.iso"));
    expect(found).toMatchObject({ table: { name: "mbr" }, bootCode: { name: "isolinux (isohybrid)" }, gaps: [] });
    expect(found.volumes.map(({ partition, kind }) => [partition, kind])).toEqual([[1, "iso9660"]]);
    expect(found.volumes[0]?.fileSystem?.bootConfigs).toMatchObject([{ path: "/isolinux.cfg", kind: "syslinux" }]);
    expect(found.volumes[0]?.fileSystem?.efiPrograms).toContainEqual(
      expect.objectContaining({
        path: expect.stringMatching(/^\/efi\.img!\/efi\/boot\/bootx64\.efi$/i),
        machine: "x86-64",
      }),
    );
  });

  test("one with an EFI system partition inside: the CD is what is meant", async () => {
    const path = await cd("memtest86+", "/usr/lib/memtest86+/memtest86+x64.iso");
    const found = inspect(path);
    const programs = found.volumes.map(({ partition, fileSystem }) => [
      ...[partition, fileSystem?.type, fileSystem?.efiPrograms.map(({ name }) => name)],
    ]);
    expect(programs).toEqual([
      [undefined, "iso9660", ["memtest86+"]],
      [2, "fat12", ["memtest86+"]],
    ]);
    const image = examineImage(path);
    expect(findRoot(image).volume.number).toBeUndefined();
    expect(chooseVolume(image, 0).fileSystem.type).toBe("iso9660");
    image.close();
  });
});
