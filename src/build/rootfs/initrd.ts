import type { FileNode, Tree } from "../../core/tree.ts";
import { guestScript } from "./guest-script.ts";
import { type KernelModule, loadOrder } from "./module-closure.ts";
import { moduleName } from "./module-info.ts";
import type { RootMounts } from "./mounts.ts";
import { treeMaker } from "./tree-maker.ts";

export interface InitrdRequest {
  readonly busybox: FileNode;
  readonly modules: ReadonlyMap<string, KernelModule>;
  /** What the profile names; the others are there because these need them. */
  readonly wanted: readonly string[];
  readonly mounts: Pick<RootMounts, "type" | "overlay" | "data">;
  readonly rescueShell: boolean;
  readonly epochSeconds: number;
}

const applets =
  "cat dd dmesg findfs hexdump insmod ls mkdir mount poweroff printf readlink reboot sh sleep switch_root umount".split(
    " ",
  );

/** The tree of the initrd: busybox, the modules that may be needed to see the root file system, and a script that finds it. */
export function initrdTree(request: InitrdRequest): Tree {
  const maker = treeMaker("initrd", request.epochSeconds);
  for (const path of ["/bin", "/changes", "/data", "/dev", "/lower", "/modules", "/proc", "/root", "/sys"])
    maker.directory(path);
  maker.file("/bin/busybox", request.busybox.content, { mode: 0o755 });
  for (const name of applets) maker.link(`/bin/${name}`, "busybox");
  // The kernel opens the console for init before init can mount anything (Documentation/admin-guide/initrd.rst).
  maker.device("/dev/console", "character-device", 5, 1, 0o600);
  maker.device("/dev/null", "character-device", 1, 3, 0o666);
  maker.script("/init", guestScript("initrd-init"));
  const { modules, wanted } = request;
  const needed = new Set(wanted.flatMap((name) => loadOrder(modules, name)));
  for (const { name, content } of needed) maker.file(`/modules/${name}.ko`, content);
  maker.file("/settings.sh", settings(request, [...needed]));
  return maker.tree;
}

interface Driver {
  readonly name: string;
  /** Patterns of devices, `BUS:…`; names of file systems and the like are not among them. */
  readonly patterns: readonly string[];
}

/** Shell variables and the function `plug MODALIAS`, for init to read. */
function settings({ modules, wanted, mounts, rescueShell }: InitrdRequest, all: readonly KernelModule[]): string {
  const drivers: Driver[] = wanted.flatMap((name) => {
    const module = modules.get(moduleName(name));
    if (module === undefined) return [];
    return [{ name: module.name, patterns: module.aliases.filter((alias) => /^[\w*]+:/.test(alias)) }];
  });
  const buses = new Set(drivers.flatMap(({ patterns }) => patterns.map((text) => text.replace(/\*?:.*/s, ""))));
  const words = (list: readonly string[]) => `'${list.join(" ")}'`;
  const load = (name: string) =>
    `load ${loadOrder(modules, name)
      .map((module) => module.name)
      .join(" ")}`;
  const first = drivers.filter(({ patterns }) => patterns.length === 0);
  const storage = caseLines(drivers, load, (pattern) => pattern.startsWith("pci:"));
  return [
    `file_system='${mounts.type}'`,
    `overlay=${mounts.overlay}`,
    `data='${mounts.data ?? ""}'`,
    `rescue_shell=${rescueShell ? "yes" : "no"}`,
    `buses=${words([...buses].sort())}`,
    `first_modules=${words(first.flatMap(({ name }) => loadOrder(modules, name).map((module) => module.name)))}`,
    `every_module=${words(all.map(({ name }) => name))}`,
    "plug() {",
    // Class 01 is storage. A driver lists hundreds of devices, and the shell compares them one by one.
    '  case $1 in pci:*bc01*) plug_storage "$1" ;; esac',
    ...caseLines(drivers, load, (pattern) => !pattern.startsWith("pci:")),
    "}",
    "plug_storage() {",
    ...(storage.length > 0 ? storage : ["  :"]),
    "}",
    "",
  ].join("\n");
}

function caseLines(
  drivers: readonly Driver[],
  load: (name: string) => string,
  fits: (pattern: string) => boolean,
): string[] {
  return drivers.flatMap(({ name, patterns }) => {
    const chosen = patterns.filter(fits).map(shellPattern);
    return chosen.length === 0 ? [] : [`  case $1 in ${chosen.join("|")}) ${load(name)} ;; esac`];
  });
}

/** fnmatch(3) and the shell's `case` understand the same patterns; what else could mean something to the shell is quoted. */
function shellPattern(pattern: string): string {
  return pattern.replace(/[^A-Za-z0-9_:*?[\],.-]/g, "\\$&");
}
