import { bytesSource, textSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { defaultAttributes, Tree } from "../../core/tree.ts";
import type { Bootloader } from "./bootloader.ts";
import { grubConfig } from "./grub-config.ts";
import { bootSectorCode, linkCore } from "./grub-core.ts";

const sectorBytes = 512;

/**
 * All of GRUB that a boot needs is in the core: nothing is loaded from /boot/grub but its configuration. The last ones are for people at its prompt;
 * `normal` brings most of the others.
 */
const modules = [
  ...["biosdisk", "part_msdos", "part_gpt", "ext2", "search_fs_uuid"],
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
    const { files, area, rootUuid, entry, epochSeconds } = request;
    if (area === undefined) throw new TypeError("GRUB for BIOS needs an area for its core image");
    const startLba = Math.ceil(area.startBytes / sectorBytes);
    const core = linkCore({
      files,
      modules,
      earlyConfig: earlyConfig(rootUuid),
      prefix: "/boot/grub",
      startLba,
    });
    const endBytes = startLba * sectorBytes + core.length;
    if (endBytes > area.endBytes)
      fail(
        "image/unsupported",
        `cannot install GRUB: its core image has ${core.length} bytes, before the first partition are only ${area.endBytes - area.startBytes}`,
      );
    const rootFiles = new Tree({ mtime: epochSeconds, origin: "grub" });
    rootFiles.set("/boot/grub/grub.cfg", {
      ...defaultAttributes,
      type: "file",
      mode: 0o644,
      mtime: epochSeconds,
      origin: "grub",
      content: textSource(grubConfig(entry)),
    });
    return {
      bootCode: bootSectorCode(files, startLba),
      pieces: [{ offsetBytes: startLba * sectorBytes, source: bytesSource(core) }],
      rootFiles,
      espFiles: new Tree(),
    };
  },
};
