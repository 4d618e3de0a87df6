import type { Tree } from "../core/tree.ts";
import { readText } from "./owners.ts";
import { joinPath } from "./paths.ts";

/** What a boot loader's configuration offers to start. */
export interface BootEntry {
  readonly title: string;
  readonly kernel: string;
  readonly initrd: string | undefined;
  readonly cmdline: string;
}

/** A configuration file of a boot loader. */
export interface BootConfig {
  readonly path: string;
  readonly kind: "grub" | "boot loader specification" | "syslinux";
  readonly entries: readonly BootEntry[];
  /** Another configuration that it goes on with, as it names it: `$prefix/grub.cfg`. */
  readonly continues?: string | undefined;
}

const grubPaths = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/grub/grub.cfg", "/grub2/grub.cfg"];
const entryDirectories = ["/boot/loader/entries", "/loader/entries"];
const syslinuxPaths = [
  ...[
    "/syslinux.cfg",
    "/isolinux.cfg",
    "/syslinux/syslinux.cfg",
    "/boot/syslinux/syslinux.cfg",
    "/isolinux/isolinux.cfg",
  ],
  ...["/boot/isolinux/isolinux.cfg", "/boot/extlinux/extlinux.conf", "/extlinux/extlinux.conf", "/boot/extlinux.conf"],
];
const longestBytes = 1024 * 1024;

/** Every configuration of a boot loader at the places where they lie. */
export function findBootConfigs(tree: Tree): BootConfig[] {
  const found: BootConfig[] = [];
  const add = (path: string, kind: BootConfig["kind"], parse: (text: string) => BootEntry[]) => {
    const text = readText(tree, path, longestBytes);
    if (text === undefined) return;
    const continues = kind === "grub" ? /^\s*(?:configfile|source)\s+(\S+)/m.exec(text)?.[1] : undefined;
    found.push({ path, kind, entries: parse(text), ...(continues !== undefined && { continues }) });
  };
  for (const path of [...grubPaths, ...espGrubPaths(tree)]) add(path, "grub", parseGrub);
  for (const directory of entryDirectories)
    for (const name of tree.list(tree.resolve(directory) ?? directory))
      if (name.endsWith(".conf")) add(joinPath(directory, name), "boot loader specification", parseLoaderEntry);
  for (const path of syslinuxPaths) add(path, "syslinux", parseSyslinux);
  return found;
}

/** `/EFI/debian/grub.cfg` and its like. */
function espGrubPaths(tree: Tree): string[] {
  const efi = tree.list("/").find((name) => name.toLowerCase() === "efi");
  if (efi === undefined) return [];
  return tree.list(`/${efi}`).flatMap((vendor) => {
    const config = tree.list(`/${efi}/${vendor}`).find((name) => name.toLowerCase() === "grub.cfg");
    return config === undefined ? [] : [`/${efi}/${vendor}/${config}`];
  });
}

/** Commands that name a kernel, of all the protocols that GRUB has. */
const kernelCommand = /^(linux|linux16|linuxefi|multiboot|multiboot2|chainloader|xen_hypervisor|xen_linux)$/;
const initrdCommand = /^(initrd|initrd16|initrdefi|module|module2|xen_initrd)$/;

/** Menu entries with the commands in them, and a kernel that is started without a menu. Variables and conditions are left as they are written. */
export function parseGrub(text: string): BootEntry[] {
  const entries: BootEntry[] = [];
  let title = "";
  let kernel: { path: string; cmdline: string } | undefined;
  let initrds: string[] = [];
  const flush = () => {
    if (kernel !== undefined)
      entries.push({ title, kernel: kernel.path, initrd: initrds.join(" ") || undefined, cmdline: kernel.cmdline });
    kernel = undefined;
    initrds = [];
  };
  for (const line of text.replaceAll("\\\n", " ").split("\n")) {
    const words = shellWords(line);
    const [command = "", ...rest] = words;
    if (command === "menuentry") {
      flush();
      title = rest[0] ?? "";
    } else if (kernelCommand.test(command)) {
      // Xen's Linux is a module of it; the hypervisor is what is started.
      if (kernel !== undefined && command !== "xen_linux") flush();
      const [path = "", ...words] = rest.filter((word) => !/^--(no-rand-relocation|quirk)/.test(word));
      if (kernel === undefined) kernel = { path, cmdline: words.join(" ") };
      else initrds.push(path);
    } else if (initrdCommand.test(command))
      initrds.push(
        ...rest.filter((word) => !word.startsWith("--")).slice(0, command.startsWith("module") ? 1 : undefined),
      );
    else if (command === "}" && kernel !== undefined) {
      flush();
      title = "";
    }
  }
  flush();
  return entries;
}

/** Words as a shell divides them, without comments; quotes are taken off. */
function shellWords(line: string): string[] {
  const words = line.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith("#"));
  return (comment < 0 ? words : words.slice(0, comment)).map((word) =>
    word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double, single, escaped) =>
      double !== undefined ? double.replace(/\\(["\\$])/g, "$1") : (single ?? escaped),
    ),
  );
}

/** UAPI.1 "Boot Loader Specification", type 1. */
export function parseLoaderEntry(text: string): BootEntry[] {
  const values = keyValues(text);
  const kernel = values.get("linux")?.[0] ?? values.get("efi")?.[0];
  if (kernel === undefined) return [];
  return [
    {
      title: values.get("title")?.[0] ?? "",
      kernel,
      initrd: values.get("initrd")?.join(" "),
      cmdline: values.get("options")?.join(" ") ?? "",
    },
  ];
}

/** `LABEL`, `KERNEL` or `LINUX`, `INITRD`, `APPEND`. */
export function parseSyslinux(text: string): BootEntry[] {
  return text.split(/^\s*(?=label\s)/im).flatMap((section) => {
    const values = keyValues(section);
    const kernel = values.get("kernel")?.[0] ?? values.get("linux")?.[0];
    if (kernel === undefined) return [];
    const append = values.get("append")?.join(" ") ?? "";
    const initrd = values.get("initrd")?.[0] ?? /(?:^|\s)initrd=(\S+)/.exec(append)?.[1];
    const title = (
      values
        .get("menu")
        ?.find((each) => /^label\s/i.test(each))
        ?.slice(6) ??
      values.get("label")?.[0] ??
      ""
    ).replace("^", "");
    return [{ title: title.trim(), kernel, initrd, cmdline: append }];
  });
}

/** Lines `key value`, keys in lower case. */
function keyValues(text: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const match = /^\s*([A-Za-z][\w-]*)\s+(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const key = (match[1] as string).toLowerCase();
    values.set(key, [...(values.get(key) ?? []), match[2] as string]);
  }
  return values;
}
