import { z } from "zod";
import { sizeSchema } from "./quantities.ts";
import { absolutePath, moduleName, packageName } from "./words.ts";

/** The sections that say what the image is, how it starts, and what the disk around its contents looks like. */
export const image = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z0-9][a-z0-9.-]{0,59}$/,
        "must be at most 60 lower-case letters, digits, dots and dashes, and start with a letter or digit",
      )
      .describe("The image's name: lower-case letters, digits, dots and dashes."),
    arch: z
      .enum(["amd64", "arm64", "riscv64"])
      .default("amd64")
      .describe("The processor it runs on, in Debian's terms."),
    system: z
      .enum(["busybox", "none"])
      .default("busybox")
      .describe(
        "`busybox`: what a small Linux needs is generated: accounts, init, services, initrd, cloudimg-init. `none`: only the kernel and what the profile names, for a system of your own.",
      ),
    version: z.string().default("1").describe("Your version of the image; IMAGE_VERSION in /etc/os-release."),
  })
  .describe("What the image is called and what it runs on.");

export const kernel = z
  .strictObject({
    package: packageName
      .optional()
      .describe("The Debian package with the kernel (a meta package is followed). Default: linux-image-cloud-ARCH."),
    file: z
      .string()
      .optional()
      .describe("A kernel image on this host, relative to this profile, instead of a package."),
    protocol: z
      .enum(["linux", "multiboot", "multiboot2"])
      .default("linux")
      .describe(
        "How the boot loader starts the kernel; the last two are for kernels that are not Linux, given as `file`.",
      ),
    bootModules: z
      .array(
        z.strictObject({
          source: z.string().min(1).describe("A file on this host, relative to this profile."),
          args: z.string().default("").describe("What the kernel is told about it."),
        }),
      )
      .default([])
      .describe("Files that GRUB loads beside a multiboot kernel."),
    cmdline: z
      .array(z.string().regex(/^\S+$/, "must be one word of the command line, without spaces"))
      .default([])
      .describe("Words of the kernel command line. `root=` is added by us."),
    modules: z.array(moduleName).default([]).describe("Kernel modules to install, with what they depend on."),
    initrdModules: z
      .array(moduleName)
      .default([])
      .describe("Modules that the initrd loads to find the root file system, with what they depend on."),
    rescueShell: z
      .boolean()
      .default(false)
      .describe("If the root file system never appears: a shell on the console (true) or power off (false)."),
  })
  .describe("The kernel, its command line and its modules.");

export const boot = z
  .strictObject({
    efi: z
      .enum(["grub", "uki"])
      .default("grub")
      .describe(
        "How UEFI starts the kernel. `grub`: Debian's signed shim and GRUB, for Secure Boot too. `uki`: one unsigned program with kernel, initrd and command line in it.",
      ),
  })
  .describe("The boot loaders.");

const label = (maxBytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[\\x21-\\x7e]{0,${maxBytes}}$`), `must be at most ${maxBytes} ASCII characters without spaces`);

const guid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, "must be a UUID, like 0a1b2c3d-1111-4222-8333-444455556666")
  .toLowerCase();

const extraPartition = z.strictObject({
  name: z
    .string()
    .regex(/^[\x21-\x7e]{1,36}$/, "must be 1 to 36 ASCII characters without spaces")
    .describe("Its name in the table (GPT), for messages, and the default of its label."),
  type: z.enum(["data", "swap"]).default("data").describe("A file system, or swap space."),
  fileSystem: z.enum(["ext4", "fat"]).default("ext4").describe("The file system of a `data` partition."),
  size: sizeSchema.describe("Its size; rounded up to whole MiB."),
  mount: absolutePath
    .optional()
    .describe("Where it is mounted. What the image has below this path goes into the partition."),
  label: label(16).optional().describe("Label of the file system (FAT: at most 11 characters)."),
  guid: guid.optional().describe("Its GUID in a GPT. Default: derived from profile and lock."),
  uuid: guid.optional().describe("UUID of its file system. Default: derived from profile and lock."),
});

export const disk = z
  .strictObject({
    partitionTable: z
      .enum(["none", "legacy", "legacy+gpt", "efi", "hybrid", "universal"])
      .optional()
      .describe(
        "`universal`: an MBR that boots by BIOS, UEFI and Secure Boot. `legacy`: MBR, BIOS. `legacy+gpt`: GPT, BIOS. `efi`: GPT, UEFI. `hybrid`: GPT, both. `none`: a bare file system. Default: universal for amd64, else efi.",
      ),
    fileSystem: z
      .enum(["ext4", "squashfs", "fat", "iso9660"])
      .default("ext4")
      .describe(
        "The root file system. `squashfs` is compressed and read-only, with a writable overlay, and a partition for /boot beside it. `iso9660`, without a partition table: a CD that boots. `fat`: for kernels that know nothing else; links become copies.",
      ),
    ext4: z
      .strictObject({
        features: z
          .enum(["portable", "modern", "dragonos", "asterinas", "grub-old"])
          .default("portable")
          .describe(
            "Which features ext4 has: `portable` is read by every cloud's importer and boot loader; `cloudimg plan --explain` tells each flag.",
          ),
        journal: z.boolean().optional().describe("Whether it has a journal. Default: as the features say."),
      })
      .prefault({})
      .describe("ext4's own settings."),
    squashfs: z
      .strictObject({
        compression: z.enum(["zstd", "xz", "gzip"]).default("zstd").describe("What squashfs is compressed with."),
        overlay: z
          .enum(["tmpfs", "data"])
          .default("tmpfs")
          .describe("Where changes go: into memory, until the next boot, or into the data partition, which can grow."),
      })
      .prefault({})
      .describe("squashfs's own settings."),
    size: z
      .union([z.literal("auto"), sizeSchema], { error: "must be `auto` or a size with a unit, like 64MiB or 2GiB" })
      .prefault("auto")
      .describe("Size of the whole disk, or `auto`: as small as the contents allow."),
    additionalSpace: sizeSchema
      .prefault("32MiB")
      .describe("Free space in the root file system when the size is `auto`."),
    bootSize: z
      .union([z.literal("auto"), sizeSchema], { error: "must be `auto` or a size with a unit, like 64MiB" })
      .prefault("auto")
      .describe("Size of the EFI system partition. `auto`: 34MiB, or what its contents need."),
    label: label(16).default("root").describe("Label of the root file system."),
    uuid: guid.optional().describe("UUID of the root file system. Default: derived from profile and lock."),
    guid: guid.optional().describe("The disk's GUID in a GPT. Default: derived from profile and lock."),
    partitions: z.array(extraPartition).default([]).describe("Further partitions, before the root on the disk."),
  })
  .describe("The disk's layout.");
