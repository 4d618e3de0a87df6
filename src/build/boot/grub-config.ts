import type { BootRequest } from "./bootloader.ts";

/** GRUB's own configuration, on the root file system. Both consoles speak; a missing serial port does no harm. */
export function grubConfig({ rootUuid, kernelPath, initrdPath, cmdline }: BootRequest): string {
  const lines = [
    "# Made by cloudimg.",
    "serial --unit=0 --speed=115200",
    "terminal_input console serial",
    "terminal_output console serial",
    "set timeout=0",
    "set default=0",
    `search --no-floppy --fs-uuid --set=root ${rootUuid}`,
    "menuentry 'cloudimg' {",
    `  linux ${quote(kernelPath)} root=UUID=${rootUuid} ${cmdline.split(" ").filter(Boolean).map(quote).join(" ")}`.trimEnd(),
    ...(initrdPath === undefined ? [] : [`  initrd ${quote(initrdPath)}`]),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

/** GRUB's shell takes everything between single quotes as it is; a quote itself stands outside of them. */
function quote(word: string): string {
  return /^[A-Za-z0-9_.,:=/+@%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
