import { fail } from "../../core/errors.ts";
import type { BootEntry } from "./bootloader.ts";

/** How long the message of a failed start stays before the machine powers off; Esc leads to the menu instead. */
const failureSeconds = 10;

/**
 * GRUB's configuration on the root file system: boots at once. Somebody who holds Shift on the machine's own keyboard gets a menu, where `e` edits the
 * command line; on a failure there is a message on all consoles, and then power off, so that whoever waits for the machine learns of it.
 *
 * Errors: `image/unsupported` for a command line that GRUB cannot pass on.
 */
export function grubConfig(entry: BootEntry): string {
  const { kernelPath } = entry;
  const load = loadCommands(entry);
  const missing = `cloudimg: cannot start ${kernelPath}. Esc for a menu, or power off in ${failureSeconds} seconds.`;
  const lines = [
    "# Made by cloudimg.",
    "set timeout=-1",
    "if keystatus --shift; then",
    "  echo 'cloudimg: Shift is held.'",
    "else",
    ...load.map((command, depth) => `${"  ".repeat(depth + 1)}if ${command}; then`),
    `${"  ".repeat(load.length + 1)}boot`,
    ...load.map((_, depth) => `${"  ".repeat(load.length - depth)}fi`),
    `  echo ${quote(missing)}`,
    `  if sleep --interruptible ${failureSeconds}; then halt; fi`,
    "fi",
    "menuentry cloudimg {",
    ...load.map((command) => `  ${command}`),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

/** The commands that load the kernel and what goes with it, in order. Under multiboot the initrd is the last module, as Xen and others want it. */
function loadCommands({ protocol, kernelPath, initrdPath, modules, cmdline, root }: BootEntry): string[] {
  const rootWord = root === undefined ? "" : ` root=${quote(root)}`;
  const kernel = `${protocol} ${quote(kernelPath)}${rootWord}${quotedWords(cmdline)}`;
  if (protocol === "linux") return initrdPath === undefined ? [kernel] : [kernel, `initrd ${quote(initrdPath)}`];
  const module = protocol === "multiboot2" ? "module2" : "module";
  const loaded = modules.map(({ path, args }) => `${module} ${quote(path)}${quotedWords(args)}`);
  if (initrdPath !== undefined) loaded.push(`${module} --nounzip ${quote(initrdPath)}`);
  return [kernel, ...loaded];
}

function quotedWords(cmdline: string): string {
  return kernelWords(cmdline)
    .map((word) => ` ${quote(word)}`)
    .join("");
}

/** GRUB's script language takes everything between single quotes as it is; a quote itself stands outside of them. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_.,:=/+@%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The parameters of a command line, as the kernel reads it (lib/cmdline.c, next_arg): white space separates, except between double quotes, which may
 * stand around a parameter or its value. GRUB puts them back around parameters with spaces, and would escape any other in a way that the kernel
 * does not know (grub-core/lib/cmdline.c).
 */
function kernelWords(cmdline: string): string[] {
  const words = cmdline.match(/(?:"[^"]*"|[^\s"])+|"/g) ?? [];
  return words.map((word) => {
    const whole = /^"([^"]*)"$/.exec(word);
    const value = /^([^"=]+=)"([^"]*)"$/.exec(word);
    const plain = whole?.[1] ?? (value === null ? word : `${value[1]}${value[2]}`);
    if (/["'\\\p{Cc}]/u.test(plain))
      fail(
        "image/unsupported",
        `cannot pass ${word} on the kernel's command line: GRUB changes quotes and backslashes`,
        {
          hint: 'leave out backslashes and single quotes; double quotes may stand around a parameter or its value, like name="a b"',
        },
      );
    return plain;
  });
}
