import { z } from "zod";
import { sizeSchema } from "./quantities.ts";
import { moduleName, packageName } from "./words.ts";

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

export const disk = z
  .strictObject({
    partitionTable: z.enum(["legacy"]).default("legacy").describe("`legacy`: MBR, boots by BIOS."),
    fileSystem: z.enum(["ext4"]).default("ext4").describe("The root file system."),
    size: z
      .union([z.literal("auto"), sizeSchema], { error: "must be `auto` or a size with a unit, like 64MiB or 2GiB" })
      .prefault("auto")
      .describe("Size of the whole disk, or `auto`: as small as the contents allow."),
    additionalSpace: sizeSchema
      .prefault("32MiB")
      .describe("Free space in the root file system when the size is `auto`."),
    label: z
      .string()
      .regex(/^[\x21-\x7e]{0,16}$/, "must be at most 16 ASCII characters without spaces")
      .default("root")
      .describe("Label of the root file system."),
  })
  .describe("The disk's layout.");
