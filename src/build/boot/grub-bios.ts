import { bytesSource, textSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { Tree } from "../../core/tree.ts";
import { bootTree } from "./boot-files.ts";
import type { BootEntry, Bootloader } from "./bootloader.ts";
import { grubConfig } from "./grub-config.ts";
import { bootSectorCode, linkCore } from "./grub-core.ts";

const sectorBytes = 512;

/**
 * All of GRUB that a boot needs is in the core: nothing is loaded from /boot/grub but its configuration. The last ones are for people at its prompt;
 * `normal` brings most of the others.
 */
const modules = [
  ...["biosdisk", "part_msdos", "part_gpt", "search_fs_uuid"],
  ...["serial", "terminal", "normal", "linux"],
  ...["echo", "keystatus", "sleep", "halt"],
  ...["ls", "cat", "configfile", "reboot"],
];

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

/** GRUB 2 on a PC with BIOS: boot sector, core image in the gap behind the partition table, configuration in the root file system. */
export const grubBios: Bootloader = {
  name: "grub-bios",
  packages: () => ["grub-pc-bin"],
  plan(request) {
    const { files, area, entry, epochSeconds } = request;
    const startLba = Math.ceil((area?.startBytes ?? 0) / sectorBytes);
    const core = linkCore({
      files,
      modules: [...modules, ...request.fileSystemModules, ...protocolModules(entry.protocol)],
      earlyConfig: earlyConfig(request.rootUuid),
      prefix: "/boot/grub",
      startLba,
    });
    if (area === undefined)
      fail("image/unsupported", `cannot install GRUB: there is no room for its core image of ${core.length} bytes`, {
        hint: "choose a partition table that boots by BIOS: legacy, legacy+gpt, hybrid or universal",
      });
    if (startLba * sectorBytes + core.length > area.endBytes)
      fail(
        "image/unsupported",
        `cannot install GRUB: its core image has ${core.length} bytes, there is room for ${area.endBytes - area.startBytes}`,
      );
    return {
      bootCode: bootSectorCode(files, startLba),
      pieces: [{ offsetBytes: startLba * sectorBytes, source: bytesSource(core) }],
      rootFiles: bootTree({ "/boot/grub/grub.cfg": textSource(grubConfig(entry)) }, epochSeconds),
      espFiles: new Tree(),
    };
  },
};

/** Kernels for multiboot may be compressed; GRUB unpacks them. */
function protocolModules(protocol: BootEntry["protocol"]): string[] {
  return protocol === "linux" ? [] : [protocol, "gzio"];
}
