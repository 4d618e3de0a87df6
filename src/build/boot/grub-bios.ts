import { bytesSource, type Extent, type Piece, textSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { Tree } from "../../core/tree.ts";
import { bootTree } from "./boot-files.ts";
import type { BootEntry, Bootloader, BootPlan, BootRequest } from "./bootloader.ts";
import { setRuns } from "./grub-block-list.ts";
import { grubConfig } from "./grub-config.ts";
import { bootSectorCode, cdImage, linkCore } from "./grub-core.ts";

const sectorBytes = 512;
const configPath = "/boot/grub/grub.cfg";
const corePath = "/boot/grub/core.img";
/** For whoever makes the CD: its boot image for BIOS. */
export const cdImagePath = "/boot/grub/eltorito.img";

/**
 * All of GRUB that a boot needs is in the core, besides the file system's module: nothing is loaded from /boot/grub but its configuration. The last ones are for
 * people at its prompt; `normal` brings most of the others.
 */
const modules = [
  ...["biosdisk", "part_msdos", "part_gpt", "search_fs_uuid"],
  ...["serial", "terminal", "normal", "linux"],
  ...["echo", "keystatus", "sleep", "halt"],
  ...["ls", "cat", "configfile", "reboot"],
];

/** Kernels for multiboot may be compressed; GRUB unpacks them. */
function protocolModules(protocol: BootEntry["protocol"]): string[] {
  return protocol === "linux" ? [] : [protocol, "gzio"];
}

/**
 * Run before anything is read from a disk, by a parser that knows no conditions: without a serial port, its first lines fail and the machine's own
 * console stays. The root is looked for on the disk that GRUB came from first, for another disk may be a copy of it.
 */
function earlyConfig(rootUuid: string): string {
  const lines = [
    "serial --unit=0 --speed=115200",
    "terminal_input serial console",
    "terminal_output serial console",
    `search.fs_uuid ${rootUuid} root $root,`,
    "set prefix=($root)/boot/grub",
  ];
  return `${lines.join("\n")}\n`;
}

function coreFor({ files, fileSystemModules, entry, rootUuid, lzma }: BootRequest, startLba: number): Uint8Array {
  return linkCore({
    files,
    modules: [...modules, ...fileSystemModules, ...protocolModules(entry.protocol)],
    earlyConfig: earlyConfig(rootUuid),
    prefix: "/boot/grub",
    startLba,
    ...(lzma && { lzma }),
  });
}

/**
 * GRUB 2 on a PC with BIOS: boot sector, core image, configuration in the file system with the kernel. The core image lies in the gap behind the partition table or
 * in a BIOS boot partition; without a table, in a file.
 */
export const grubBios: Bootloader = {
  name: "grub-bios",
  packages: () => ["grub-pc-bin"],
  plan(request) {
    const { files, area, entry, epochSeconds } = request;
    const config = textSource(grubConfig(entry));
    if (area === undefined) return planInFile(request);
    const startLba = Math.ceil(area.startBytes / sectorBytes);
    const core = coreFor(request, startLba);
    if (startLba * sectorBytes + core.length > area.endBytes)
      fail(
        "image/unsupported",
        `cannot install GRUB: its core image has ${core.length} bytes, there is room for ${area.endBytes - area.startBytes}`,
      );
    return {
      bootCode: bootSectorCode(files, startLba),
      pieces: [{ offsetBytes: startLba * sectorBytes, source: bytesSource(core) }],
      rootFiles: bootTree({ [configPath]: config }, epochSeconds),
      espFiles: new Tree(),
    };
  },
};

/** File systems that leave their first sector to boot code, all of it or all but the description of the volume that FAT has there. */
const withBootSector = ["ext2", "fat"];

function planInFile(request: BootRequest): BootPlan {
  const { files, entry, epochSeconds, fileSystemModules } = request;
  if (!fileSystemModules.every((name) => withBootSector.includes(name)))
    fail("image/unsupported", "cannot install GRUB: the root file system has no room for a boot sector", {
      hint: "choose a partition table: legacy, legacy+gpt, hybrid or universal; or ext4 as root",
    });
  const core = coreFor(request, 0);
  return {
    pieces: [],
    rootFiles: bootTree({ [configPath]: textSource(grubConfig(entry)), [corePath]: bytesSource(core) }, epochSeconds),
    espFiles: new Tree(),
    placedPaths: [corePath],
    overlay(locate) {
      const runs = locate(corePath);
      if (runs === undefined) throw new TypeError(`the file system does not tell where ${corePath} lies`);
      return overlayPieces(files, core, runs);
    },
  };
}

/** Where the boot sector of a file system holds no code but, for FAT, what the volume is like (GRUB, include/grub/i386/pc/boot.h, BPB_START, BPB_END). */
const volumeDescription = { startBytes: 0x03, endBytes: 0x5a };

function overlayPieces(files: Tree, core: Uint8Array, runs: readonly Extent[]): Piece[] {
  const startBytes = runs[0]?.offsetBytes ?? 0;
  const placed = core.slice();
  setRuns(placed, runs);
  const code = bootSectorCode(files, startBytes / sectorBytes);
  const { startBytes: from, endBytes: to } = volumeDescription;
  return [
    { offsetBytes: 0, source: bytesSource(code.subarray(0, from)) },
    { offsetBytes: to, source: bytesSource(code.subarray(to)) },
    { offsetBytes: sectorBytes - 2, source: bytesSource(Uint8Array.of(0x55, 0xaa)) },
    { offsetBytes: startBytes, source: bytesSource(placed.subarray(0, sectorBytes)) },
  ];
}

/** GRUB 2 on a CD, for PCs with BIOS: all of it in one file that the CD's boot catalogue names (El Torito, without emulation, boot information table). */
export const grubCd: Bootloader = {
  name: "grub-cd",
  packages: () => ["grub-pc-bin"],
  plan(request) {
    const image = cdImage(request.files, coreFor(request, 0));
    const contents = { [configPath]: textSource(grubConfig(request.entry)), [cdImagePath]: bytesSource(image) };
    return {
      pieces: [],
      rootFiles: bootTree(contents, request.epochSeconds),
      espFiles: new Tree(),
      placedPaths: [cdImagePath],
    };
  },
};
