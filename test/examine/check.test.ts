import { closeSync, copyFileSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ext4Writer } from "../../src/build/filesystems/ext4.ts";
import { fatWriter } from "../../src/build/filesystems/fat.ts";
import { iso9660Writer } from "../../src/build/filesystems/iso9660-writer.ts";
import { swapSpace } from "../../src/build/filesystems/swap.ts";
import { gpt } from "../../src/build/partitions/gpt.ts";
import { mbr } from "../../src/build/partitions/mbr.ts";
import type { PlannedPartition } from "../../src/build/partitions/partition-table.ts";
import { type ByteSource, bytesSource, composeSource } from "../../src/core/byte-source.ts";
import { Tree } from "../../src/core/tree.ts";
import { checkImage, type Finding } from "../../src/examine/check.ts";
import { examineImage } from "../../src/examine/open.ts";
import { imageRules } from "../../src/providers/checked-clouds.ts";
import type { RuleName } from "../../src/providers/image-rules.ts";
import { loaderPackages } from "../build/boot/loader-packages.ts";
import { attributes, file, writeImage } from "../build/filesystems/images.ts";
import { request } from "../build/filesystems/requests.ts";
import { runOracle } from "../oracles/run.ts";
import { ext4Of, scratchDirectory, systemFiles, writeFiles } from "./images.ts";

const scratch = scratchDirectory();
const at = (name: string) => join(scratch, name);
const MiB = 1024 ** 2;
const uuid = "6f1d7c52-0b7e-8a31-9c4e-2f4c8e0d5b11";
const work = { signal: new AbortController().signal, jobs: 1 };
const clouds = ["tencent", "alibaba", "huawei"] as const;

/** A system that no cloud has anything to say against. */
const goodFiles: Readonly<Record<string, string>> = {
  "/etc/os-release": "ID=probe\n",
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
  "/etc/shadow": "root:*:1::::::\n",
  "/etc/issue": "Probe\n",
  "/etc/fstab": `UUID=${uuid} / ext4 defaults 0 0\n`,
  "/usr/bin/cloud-init": "#!/bin/sh\n",
  "/usr/sbin/sshd": "",
  "/boot/grub/grub.cfg": `menuentry probe {\n  linux /boot/vmlinuz-6.1 root=UUID=${uuid} console=ttyS0 net.ifnames=0\n}\n`,
  "/usr/lib/modules/6.1/modules.builtin":
    "kernel/drivers/block/virtio_blk.ko\nkernel/drivers/net/virtio_net.ko\nkernel/drivers/nvme/host/nvme.ko\n",
};

interface Disk {
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly features?: "portable" | "modern";
  readonly table?: "mbr" | "gpt" | "none";
  readonly bootCode?: boolean;
  readonly number?: number;
  readonly behind?: boolean;
  /** Instead of the root. */
  readonly root?: ByteSource;
  /** What lies behind the root. */
  readonly other?: ByteSource;
}

function treeOf(files: Readonly<Record<string, string | undefined>>): Tree {
  const tree = new Tree(attributes);
  for (const [path, content] of Object.entries(files)) if (content !== undefined) tree.set(path, file(content));
  return tree;
}

/** GRUB's boot sector, as far as it is recognised. */
const bootCode = new Uint8Array(440);
bootCode.set(Buffer.from("\xeb\x63GRUB \0Geom\0Hard Disk\0Read", "latin1"));

async function makeDisk(name: string, disk: Disk = {}): Promise<string> {
  const { features = "portable", table = "mbr", number = 1, behind = false } = disk;
  const tree = treeOf({ ...goodFiles, ...disk.files });
  const root = disk.root ?? ext4Writer({ features }).plan(request(tree, { size: { exactBytes: 40 * MiB } })).source;
  const sizeBytes = 64 * MiB;
  const place = { kind: "linux", bootable: true, name: "root", startBytes: MiB, sizeBytes: 40 * MiB } as const;
  const other: PlannedPartition = {
    ...place,
    bootable: false,
    name: "other",
    kind: disk.other === undefined ? "linux" : "esp",
    number: 3,
    startBytes: 41 * MiB,
    sizeBytes: 8 * MiB,
  };
  const partitions = [
    { ...place, number },
    ...(behind ? [other] : []),
    ...(number > 1 ? [{ ...other, number: 1 }] : []),
  ];
  const plan = { diskSizeBytes: sizeBytes, partitions, seed: name, ...(disk.bootCode !== false && { bootCode }) };
  const pieces = table === "none" ? [] : (table === "mbr" ? mbr : gpt).plan(plan);
  const path = at(`${name}.raw`);
  await writeImage(
    composeSource(sizeBytes, [
      ...pieces,
      { offsetBytes: table === "none" ? 0 : MiB, source: root },
      ...(disk.other ? [{ offsetBytes: 41 * MiB, source: disk.other }] : []),
    ]),
    path,
  );
  return path;
}

function check(path: string, of: readonly (keyof typeof imageRules)[] = clouds): Finding[] {
  const image = examineImage(path);
  try {
    return checkImage(image, of);
  } finally {
    image.close();
  }
}

/** `tencent error PartitionNotPresent` */
function verdicts(findings: readonly Finding[], rule: RuleName): string[] {
  return findings
    .filter((finding) => finding.rule === rule)
    .map(({ cloud, severity, vendorCode }) => [cloud, severity, vendorCode].filter(Boolean).join(" "));
}

test("an image that is as the clouds wish has no findings but that it is small", async () => {
  const findings = check(await makeDisk("good"));
  expect(findings.map(({ cloud, rule }) => [cloud, rule])).toEqual([["alibaba", "too-small"]]);
});

const luks = bytesSource(Buffer.concat([Buffer.from("LUKS\xba\xbe", "latin1"), Buffer.alloc(8192)]));
const lvm = bytesSource(Buffer.concat([Buffer.alloc(536), Buffer.from("LVM2 001"), Buffer.alloc(8192)]));
const xfs = bytesSource(Buffer.concat([Buffer.from("XFSB"), Buffer.alloc(8192)]));
const grub = (cmdline: string) => ({
  "/boot/grub/grub.cfg": `menuentry p {\n  linux /boot/vmlinuz-6.1 ${cmdline}\n}\n`,
});
const good = `root=UUID=${uuid} console=ttyS0 net.ifnames=0`;
const builtin = "/usr/lib/modules/6.1/modules.builtin";
const fatSource = () =>
  fatWriter().plan(request(treeOf({ "/README": "no root" }), { label: "X", size: { exactBytes: 8 * MiB } }), {
    signal: new AbortController().signal,
    jobs: 1,
  });

/** For each rule a disk that breaks it, and who minds how much. */
const broken: readonly (readonly [rule: RuleName, disk: () => Disk | Promise<Disk>, verdicts: readonly string[]])[] = [
  ["no-table", () => ({ table: "none" }), ["tencent error PartitionNotPresent", "alibaba warning", "huawei warning"]],
  ["gpt", () => ({ table: "gpt" }), ["tencent warning PartitionNotPresent"]],
  ["no-boot-code", () => ({ bootCode: false }), ["tencent error PartitionNotPresent", "alibaba error", "huawei error"]],
  [
    "no-root",
    async () => ({ root: (await fatSource()).source }),
    ["tencent error RootPartitionNotFound", "alibaba error", "huawei error"],
  ],
  ["root-unreadable", () => ({ root: xfs }), ["tencent note", "alibaba note", "huawei note"]],
  [
    "file-system",
    () => ({ root: bytesSource(Buffer.concat([Buffer.from("\xeb\x52\x90NTFS    ", "latin1"), Buffer.alloc(8192)])) }),
    ["tencent error RootPartitionNotFound", "alibaba warning", "huawei warning"],
  ],
  ["encrypted", () => ({ root: luks }), ["tencent error", "alibaba error", "huawei error"]],
  ["lvm", () => ({ root: lvm }), ["tencent warning RootPartitionNotFound", "alibaba warning", "huawei warning"]],
  ["root-not-first", () => ({ number: 2 }), ["tencent warning RootPartitionNotFound", "alibaba note"]],
  ["root-not-last", () => ({ behind: true }), ["tencent note", "alibaba warning", "huawei note"]],
  ["ext4-64bit", () => ({ features: "modern" }), ["alibaba warning"]],
  [
    "fstab-device-names",
    () => ({ files: { "/etc/fstab": "/dev/vda1 / ext4 defaults 0 0\n" } }),
    ["tencent warning", "alibaba warning", "huawei warning"],
  ],
  [
    "fstab-other-disks",
    () => ({
      files: { "/etc/fstab": `UUID=${uuid} / ext4 defaults\nUUID=11111111-2222-4333-8444-555555555555 /srv ext4\n` },
    }),
    ["tencent error", "alibaba warning", "huawei error"],
  ],
  [
    "root-device-name",
    () => ({ files: grub("root=/dev/sda1 console=ttyS0 net.ifnames=0") }),
    ["tencent warning", "alibaba warning", "huawei warning"],
  ],
  [
    "no-serial-console",
    () => ({ files: grub(good.replace("console=ttyS0", "quiet")) }),
    ["tencent note", "alibaba note", "huawei warning"],
  ],
  [
    "no-virtio",
    () => ({ files: { [builtin]: "kernel/nvme.ko\n" } }),
    [
      "tencent error VirtioNotInstall",
      "tencent error VirtioNotInstall",
      "alibaba error",
      "alibaba error",
      "huawei error",
      "huawei error",
    ],
  ],
  ["no-nvme", () => ({ files: { [builtin]: "kernel/virtio_blk.ko\nkernel/virtio-net.ko\n" } }), ["alibaba note"]],
  [
    "no-initializer",
    () => ({ files: { "/usr/bin/cloud-init": undefined } }),
    ["tencent error CloudInitNotInstalled", "alibaba warning", "huawei warning"],
  ],
  [
    "own-initializer",
    () => ({ files: { "/usr/bin/cloud-init": undefined, "/usr/sbin/cloudimg-init": "" } }),
    ["tencent note CloudInitNotInstalled"],
  ],
  [
    "no-ssh",
    () => ({ files: { "/usr/sbin/sshd": undefined } }),
    ["tencent warning", "alibaba warning", "huawei warning"],
  ],
  ["guest-agent", () => ({ files: { "/usr/sbin/qemu-ga": "" } }), ["alibaba warning"]],
  ["firewall", () => ({ files: { "/etc/ufw/ufw.conf": "ENABLED=yes\n" } }), ["alibaba warning"]],
  ["selinux", () => ({ files: { "/etc/selinux/config": "SELINUX=enforcing\n" } }), ["alibaba note"]],
  [
    "persistent-network-names",
    () => ({ files: { "/etc/udev/rules.d/70-persistent-net.rules": 'SUBSYSTEM=="net"\n' } }),
    ["huawei error"],
  ],
  [
    "other-network-names",
    () => ({ files: { ...grub(good.replace("net.ifnames=0", "quiet")), "/usr/lib/systemd/systemd-udevd": "" } }),
    ["tencent warning"],
  ],
  ["no-shadow", () => ({ files: { "/etc/shadow": undefined } }), ["tencent error", "alibaba warning"]],
  [
    "other-datasources",
    () => ({ files: { "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "# DataSource\ndatasource_list: [ NoCloud, None ]\n" } }),
    ["tencent warning", "alibaba warning", "huawei warning"],
  ],
  [
    "static-network",
    () => ({
      files: { "/etc/network/interfaces": "iface lo inet loopback\niface eth0 inet static\n address 10.0.0.2\n" },
    }),
    ["alibaba warning", "huawei error"],
  ],
  [
    "several-partitions",
    () => ({ files: { "/etc/fstab": `UUID=${uuid} / ext4\nPARTLABEL=home /home ext4\nLABEL=EFI /boot/efi vfat\n` } }),
    ["alibaba note"],
  ],
  ["no-issue", () => ({ files: { "/etc/issue": undefined } }), ["alibaba note"]],
  [
    "secrets",
    () => ({
      files: {
        "/etc/ssh/ssh_host_rsa_key": "x",
        "/etc/machine-id": `${"a1".repeat(16)}\n`,
        "/etc/shadow": "root:$6$abc$defghijk:1::::::\n",
      },
    }),
    clouds.flatMap((cloud) => Array(3).fill(`${cloud} warning`)),
  ],
  ["too-small", () => ({}), ["alibaba note"]],
];

describe("each rule", () => {
  test.each(broken)("%s", async (rule, disk, expected) => {
    const findings = check(await makeDisk(rule, await disk()));
    expect(verdicts(findings, rule)).toEqual(expected);
    for (const { message, fix } of findings)
      expect([message.length, fix.length].every((length) => length > 8)).toBe(true);
  });

  test("first-not-writable: a squashfs in partition 1", async () => {
    writeFiles(at("tree"), { "etc/os-release": "ID=x\n" });
    const made = await runOracle("mksquashfs", [at("tree"), at("root.squashfs"), "-comp", "gzip", "-noappend"]);
    expect(made.status, made.output).toBe(0);
    const bytes = readFileSync(at("root.squashfs"));
    const findings = check(await makeDisk("squashfs", { root: bytesSource(bytes) }));
    expect(verdicts(findings, "first-not-writable")).toEqual(["alibaba warning"]);
  });

  test("ext4-project-quota and not-clean: as mke2fs and debugfs make them", async () => {
    writeFiles(at("quota"), systemFiles);
    await ext4Of(at("quota"), at("quota.ext4"));
    const tuned = await runOracle("tune2fs", ["-O", "project,quota", "-Q", "prjquota", at("quota.ext4")]);
    expect(tuned.status, tuned.output).toBe(0);
    expect(verdicts(check(at("quota.ext4")), "ext4-project-quota")).toEqual(["alibaba error"]);
    copyFileSync(at("quota.ext4"), at("dirty.ext4"));
    // s_state at 0x3A of the superblock: 2, errors detected (Linux, Documentation/filesystems/ext4/super.rst).
    const fd = openSync(at("dirty.ext4"), "r+");
    writeSync(fd, Buffer.of(2, 0), 0, 2, 1024 + 0x3a);
    closeSync(fd);
    expect(verdicts(check(at("dirty.ext4")), "not-clean").length).toBeGreaterThanOrEqual(3);
  });

  test("damaged: a table cut off, a file system that breaks its rules", async () => {
    const path = await makeDisk("cut", { table: "gpt" });
    truncateSync(path, 60 * MiB);
    expect(verdicts(check(path), "damaged").length).toBeGreaterThanOrEqual(3);
  });

  test("uefi-only: an ESP with a program for UEFI, and no boot code", async () => {
    const esp = new Tree(attributes);
    const stub = (await loaderPackages("amd64", ["systemd-boot-efi"])).get(
      "/usr/lib/systemd/boot/efi/systemd-bootx64.efi",
    );
    if (stub === undefined) throw new Error("the package has no systemd-boot");
    esp.set("/EFI/BOOT/BOOTX64.EFI", stub);
    const { source } = await fatWriter().plan(request(esp, { label: "ESP", size: { exactBytes: 8 * MiB } }), work);
    const path = await makeDisk("uefi", { bootCode: false, behind: true, other: source });
    expect(verdicts(check(path), "uefi-only")).toEqual([
      "tencent warning",
      "alibaba warning",
      "huawei warning IMG.0141",
    ]);
    expect(verdicts(check(path), "no-boot-code")).toEqual([]);
  });

  test("too-large, file-too-large: as clouds count them", async () => {
    const made = await runOracle("qemu-img", ["create", "-f", "qcow2", at("large.qcow2"), "1100G"]);
    expect(made.status, made.output).toBe(0);
    expect(verdicts(check(at("large.qcow2")), "too-large")).toEqual([
      "tencent error InvalidFormatSize",
      "huawei error IMG.0055",
    ]);
    const image = examineImage(await makeDisk("full"));
    // As if it held 60 GB: Tencent counts what is in the disk, Huawei the file.
    const extents = [{ offsetBytes: 0, lengthBytes: 60e9 }];
    const full = { ...image, fileBytes: 200e9, image: { ...image.image, disk: { ...image.image.disk, extents } } };
    const findings = checkImage(full, clouds);
    image.close();
    expect(verdicts(findings, "file-too-large")).toEqual(["tencent error InvalidFormatSize", "huawei error IMG.0059"]);
  });
});

/** What distributions' own images have, and what was said of them wrongly, or not at all. */
describe("systems as they are", () => {
  const rulesOf = async (name: string, disk: Disk) =>
    check(await makeDisk(name, disk), ["tencent", "huawei"]).map(({ cloud, rule }) => `${cloud} ${rule}`);

  test("Red Hat's entries with $kernelopts, from GRUB's environment", async () => {
    const files = {
      "/boot/grub/grub.cfg": "blscfg\n",
      "/boot/loader/entries/x.conf": "title x\nlinux /vmlinuz-6.1\noptions $kernelopts $tuned_params\n",
      "/boot/grub2/grubenv": `# GRUB Environment Block\nkernelopts=${good} \n`,
    };
    expect(await rulesOf("bls", { files })).toEqual([]);
    expect(
      await rulesOf("bls2", { files: { ...files, "/boot/grub2/grubenv": "kernelopts=root=/dev/vda1 \n" } }),
    ).toEqual(expect.arrayContaining(["tencent root-device-name", "huawei no-serial-console"]));
  });

  test("fstab with labels, links, swap, bind mounts and network file systems", async () => {
    const lines = [
      ...["LABEL=root / ext4 defaults", "PARTLABEL=root /a ext4", `/dev/disk/by-uuid/${uuid} /b ext4`],
      ...["/swapfile none swap sw 0 0", "/home /srv none bind", "nas:/export /nas nfs _netdev", "tmpfs /tmp tmpfs"],
      ...["/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0"],
    ];
    const files = { "/etc/fstab": lines.join("\n") };
    expect(await rulesOf("fstab-gpt", { table: "gpt", files })).toEqual(["tencent gpt"]);
  });

  test.each([
    "LABEL=other /srv ext4",
    "PARTUUID=11111111-2222-4333-8444-555555555555 /srv ext4",
    "/dev/disk/by-label/other /srv auto nofail",
    "/dev/vdb1 /srv ext4",
  ])("fstab with another disk: %s", async (line) => {
    const files = { "/etc/fstab": `UUID=${uuid} / ext4\n${line}\n` };
    expect(await rulesOf("fstab-other", { files })).toContain("tencent fstab-other-disks");
  });

  test("swap space on the disk does not keep other disks in fstab from being seen", async () => {
    const { source } = swapSpace(MiB, { label: "", uuid });
    const files = { "/etc/fstab": "UUID=11111111-2222-4333-8444-555555555555 /srv ext4\n" };
    expect(await rulesOf("fstab-swap", { files, behind: true, other: source })).toContain("tencent fstab-other-disks");
  });

  test("the drivers of a rescue initrd do not count for the system's own", async () => {
    const files = {
      [builtin]: "kernel/virtio_net.ko\n",
      "/usr/lib/modules/6.1/kernel/virtio_blk.ko.xz": "",
      "/boot/initramfs-6.1.img": "070701 x/ext4.ko TRAILER!!!",
      "/boot/initramfs-0-rescue-1234.img": "070701 x/virtio_blk.ko TRAILER!!!",
    };
    expect(await rulesOf("rescue", { files })).toEqual(["tencent no-virtio", "huawei no-virtio"]);
  });

  test("cloud-init that is switched off, nftables where its package starts it", async () => {
    expect(await rulesOf("off", { files: { "/etc/cloud/cloud-init.disabled": "" } })).toEqual([
      "tencent no-initializer",
      "huawei no-initializer",
    ]);
    const link = "/etc/systemd/system/sysinit.target.wants/nftables.service";
    expect(verdicts(check(await makeDisk("nft", { files: { [link]: "" } })), "firewall")).toEqual(["alibaba warning"]);
  });

  test("the image of a CD", async () => {
    const disc = iso9660Writer({}).plan(request(treeOf(goodFiles), { label: "LIVE" }), work);
    const path = at("live.iso");
    await writeImage((await disc).source, path);
    expect(verdicts(check(path), "disc")).toEqual([
      "tencent error InvalidParameterValue.ISOMustImportByForce",
      "alibaba error InvalidImageFormat.Malformed",
      "huawei error IMG.0057",
    ]);
  });
});

describe("image files", () => {
  beforeAll(async () => {
    await makeDisk("plain");
  });
  const convert = async (
    name: string,
    format: string,
    options: readonly string[] = [],
    more: readonly string[] = [],
  ) => {
    const made = await runOracle("qemu-img", ["convert", "-O", format, ...options, ...more, at("plain.raw"), at(name)]);
    expect(made.status, made.output).toBe(0);
    return check(at(name));
  };

  test("format: who takes what", async () => {
    expect(verdicts(await convert("a.vdi", "vdi"), "format")).toEqual([
      "tencent error InvalidFormatSize",
      "alibaba error InvalidImageFormat.Malformed",
    ]);
    expect(verdicts(await convert("a.vmdk", "vmdk"), "format")).toEqual(["alibaba error InvalidImageFormat.Malformed"]);
    expect(verdicts(await convert("a.qcow2", "qcow2"), "format")).toEqual([]);
  });

  test("several-files, backing-file", async () => {
    const flat = await convert("flat.vmdk", "vmdk", ["-o", "subformat=monolithicFlat"]);
    expect(verdicts(flat, "several-files")).toEqual([
      "tencent error InvalidFormatSize",
      "alibaba error InvalidImageFormat.Malformed",
      "huawei error IMG.0057",
    ]);
    const made = await runOracle("qemu-img", [
      "create",
      "-f",
      "qcow2",
      "-b",
      at("plain.raw"),
      "-F",
      "raw",
      at("over.qcow2"),
    ]);
    expect(made.status, made.output).toBe(0);
    const over = check(at("over.qcow2"));
    expect(verdicts(over, "backing-file")).toEqual(["tencent error", "alibaba error", "huawei error"]);
    expect(verdicts(over, "several-files")).toEqual([]);
  });

  test("zstd-clusters, compressed-clusters", async () => {
    const zstd = await convert("zstd.qcow2", "qcow2", ["-o", "compression_type=zstd"], ["-c"]);
    expect(verdicts(zstd, "zstd-clusters")).toEqual([
      "tencent error InvalidFormatSize",
      "alibaba error InvalidImageFormat.Malformed",
      "huawei error IMG.0057",
    ]);
    expect(verdicts(await convert("zlib.qcow2", "qcow2", [], ["-c"]), "compressed-clusters")).toEqual(["tencent note"]);
  });

  test("rounded-size: a VHD by qemu-img without force_size", async () => {
    expect(verdicts(await convert("a.vhd", "vpc"), "rounded-size")).toEqual(["huawei error IMG.0055"]);
    expect(verdicts(await convert("b.vhd", "vpc", ["-o", "force_size=on"]), "rounded-size")).toEqual([]);
  });
});

test("every rule that a cloud has is known, and tested here", () => {
  const minded = new Set(Object.values(imageRules).flatMap(({ rules }) => Object.keys(rules)));
  const tested = new Set<string>([
    ...broken.map(([rule]) => rule),
    ...["first-not-writable", "ext4-project-quota", "not-clean", "damaged", "uefi-only", "format", "several-files"],
    ...["backing-file", "zstd-clusters", "compressed-clusters", "rounded-size", "disc", "file-too-large", "too-large"],
  ]);
  expect([...minded].filter((rule) => !tested.has(rule))).toEqual([]);
});
