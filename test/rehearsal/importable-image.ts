import { join } from "node:path";
import { emitImage } from "../../src/build/disk-formats/emit.ts";
import { diskFormats } from "../../src/build/disk-formats/registry.ts";
import { ext4Writer } from "../../src/build/filesystems/ext4.ts";
import { fat } from "../../src/build/filesystems/fat.ts";
import { gpt } from "../../src/build/partitions/gpt.ts";
import { mbr } from "../../src/build/partitions/mbr.ts";
import type { PlannedPartition } from "../../src/build/partitions/partition-table.ts";
import { composeSource } from "../../src/core/byte-source.ts";
import { Tree } from "../../src/core/tree.ts";
import { efiProgram } from "../build/boot/efi-program.ts";
import { attributes, file } from "../build/filesystems/images.ts";
import { request } from "../build/filesystems/requests.ts";

/** What is different from an image that every cloud takes. */
export interface ImportableOptions {
  /** Default: `qcow2`. */
  readonly format?: "raw" | "qcow2" | "vhd" | "vmdk" | "vdi";
  /** Default: `mbr`. */
  readonly table?: "mbr" | "gpt" | "none";
  /** Default: both. */
  readonly bootsBy?: readonly ("bios" | "uefi")[];
  /** Of the root: further ones, others, or none of that name. */
  readonly files?: Readonly<Record<string, string | undefined>>;
  /** Default: 32 MiB. */
  readonly diskSizeBytes?: number;
  /** Without it the partition of the root is empty. Default: yes. */
  readonly hasRoot?: boolean;
}

const MiB = 1024 ** 2;
const rootBytes = 8 * MiB;
const espBytes = 4 * MiB;
const uuid = "6f1d7c52-0b7e-8a31-9c4e-2f4c8e0d5b11";

/** A system as far as imports look at it: nothing in it runs. */
const systemFiles: Readonly<Record<string, string>> = {
  "/etc/os-release": 'ID=probe\nPRETTY_NAME="Probe 1"\n',
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
  "/etc/shadow": "root:*:1::::::\n",
  "/etc/fstab": `UUID=${uuid} / ext4 defaults 0 0\n`,
  "/usr/bin/cloud-init": "#!/bin/sh\n",
  "/boot/grub/grub.cfg": `menuentry probe {\n  linux /boot/vmlinuz-6.1 root=UUID=${uuid} console=ttyS0\n}\n`,
  "/usr/lib/modules/6.1/modules.builtin":
    "kernel/drivers/block/virtio_blk.ko\nkernel/drivers/net/virtio_net.ko\nkernel/drivers/nvme/host/nvme.ko\n",
};

/** GRUB's boot sector, as far as it is recognised. */
const bootCode = new Uint8Array(440);
bootCode.set(Buffer.from("\xeb\x63GRUB \0Geom\0Hard Disk\0Read", "latin1"));

/** Writes a small real image that imports take, or that they find fault with; gives its path. Made in milliseconds. */
export async function importableImage(
  directory: string,
  options: ImportableOptions = {},
  name = "importable",
): Promise<string> {
  const { format = "qcow2", table = "mbr", bootsBy = ["bios", "uefi"], diskSizeBytes = 32 * MiB } = options;
  const context = { signal: new AbortController().signal, jobs: 1 };
  const [rootAt, espAt] = [MiB, MiB + rootBytes];
  const tree = treeOf({ ...systemFiles, ...options.files });
  const root = ext4Writer({ features: "portable" }).plan(request(tree, { size: { exactBytes: rootBytes } })).source;
  const programs = treeOf({ "/EFI/BOOT/BOOTX64.EFI": efiProgram() });
  const { source: esp } = await fat.plan(request(programs, { label: "ESP", size: { exactBytes: espBytes } }), context);
  const hasEsp = bootsBy.includes("uefi");
  const partitions: PlannedPartition[] = [
    { number: 1, startBytes: rootAt, sizeBytes: rootBytes, kind: "linux", bootable: true, name: "root" },
    ...(hasEsp
      ? [{ number: 2, startBytes: espAt, sizeBytes: espBytes, kind: "esp", bootable: false, name: "esp" } as const]
      : []),
  ];
  const plan = { diskSizeBytes, partitions, seed: name, ...(bootsBy.includes("bios") && { bootCode }) };
  const pieces = table === "none" ? [] : (table === "mbr" ? mbr : gpt).plan(plan);
  const source = composeSource(diskSizeBytes, [
    ...pieces,
    ...(options.hasRoot === false ? [] : [{ offsetBytes: table === "none" ? 0 : rootAt, source: root }]),
    ...(hasEsp ? [{ offsetBytes: espAt, source: esp }] : []),
  ]);
  const path = join(directory, `${name}.${format}`);
  await emitImage(
    { source, outputs: [{ format: diskFormats[format], path }], compress: false, clusterSizeBytes: 65_536 },
    context,
  );
  return path;
}

function treeOf(files: Readonly<Record<string, string | Uint8Array | undefined>>): Tree {
  const tree = new Tree(attributes);
  for (const [path, content] of Object.entries(files)) if (content !== undefined) tree.set(path, file(content));
  return tree;
}
