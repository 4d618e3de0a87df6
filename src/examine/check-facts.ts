import type { ByteSource } from "../core/byte-source.ts";
import type { Tree } from "../core/tree.ts";
import { type Inspection, inspectImage } from "./inspect.ts";
import { type Drivers, driversIn } from "./modules-in.ts";
import { type ExaminedImage, volumesOf } from "./open.ts";
import { readText } from "./owners.ts";
import type { Volume } from "./volume.ts";

/** A line of fstab(5). */
export interface FstabLine {
  readonly device: string;
  readonly directory: string;
  readonly type: string;
}

/** All that rules ask of an image, found once. */
export interface CheckFacts {
  readonly inspection: Inspection;
  readonly volumes: readonly Volume[];
  /** The root file system's number, kind and contents; undefined if none can be read. */
  readonly root:
    | {
        readonly number: number | undefined;
        readonly kind: string;
        readonly features: readonly string[];
        readonly tree: Tree;
      }
    | undefined;
  readonly fstab: readonly FstabLine[];
  /** Kernel command lines of all boot loaders. */
  readonly cmdlines: readonly string[];
  readonly drivers: Drivers;
  /** Whether the disk has code for BIOS, and programs that UEFI starts. */
  readonly bootsBios: boolean;
  readonly bootsUefi: boolean;
  detail(name: string): string | undefined;
}

export function gatherFacts(examined: ExaminedImage): CheckFacts {
  const inspection = inspectImage(examined);
  const volumes = volumesOf(examined);
  const opened = volumes.flatMap((volume) => {
    const { fileSystem } = volume.tryOpen();
    return fileSystem === undefined ? [] : [{ volume, fileSystem }];
  });
  const found =
    inspection.root && opened.find(({ volume }) => volume.number === inspection.root?.partition && volume.isReadable);
  const tree = found?.fileSystem.tree;
  const systems = inspection.volumes.flatMap(({ fileSystem }) => fileSystem ?? []);
  const programs = systems.flatMap(({ efiPrograms }) => efiPrograms);
  const initrds = opened.flatMap(({ volume, fileSystem }) => {
    const paths = inspection.volumes.find(({ partition }) => partition === volume.number)?.fileSystem?.initrds ?? [];
    const ordinary = paths.filter(({ path }) => !otherInitrds.test(path));
    return (ordinary.length > 0 ? ordinary : paths).flatMap(({ path }) => contentOf(fileSystem.tree, path) ?? []);
  });
  return {
    inspection,
    volumes,
    root: found && {
      number: found.volume.number,
      kind: found.fileSystem.type,
      features: found.fileSystem.features,
      tree: found.fileSystem.tree,
    },
    fstab: tree === undefined ? [] : readFstab(readText(tree, "/etc/fstab") ?? ""),
    cmdlines: withVariables(
      opened.map(({ fileSystem }) => fileSystem.tree),
      [
        ...systems.flatMap(({ bootConfigs }) =>
          bootConfigs.flatMap(({ entries }) => entries.map(({ cmdline }) => cmdline)),
        ),
        ...programs.flatMap(({ unified }) => unified?.cmdline ?? []),
      ],
    ),
    drivers: tree === undefined ? { place: () => "unknown" } : driversIn(tree, initrds),
    bootsBios: inspection.bootCode !== undefined,
    bootsUefi: programs.some(({ isDefault }) => isDefault),
    detail: (name) => inspection.details.find(([key]) => key === name)?.[1],
  };
}

/** Where GRUB keeps variables, in a root or in a /boot of its own. */
const environments = ["/boot/grub2/grubenv", "/grub2/grubenv", "/boot/grub/grubenv", "/grub/grubenv"];
const menus = ["/boot/grub2/grub.cfg", "/grub2/grub.cfg"];

/** Red Hat's entries say `options $kernelopts`: the words are in GRUB's environment, or set in its configuration. */
function withVariables(trees: readonly Tree[], cmdlines: readonly string[]): string[] {
  const find = (paths: readonly string[], pattern: RegExp) =>
    trees
      .flatMap((tree) => paths.flatMap((path) => readText(tree, path) ?? []))
      .flatMap((text) => pattern.exec(text)?.[1] ?? [])[0];
  const words =
    find(environments, /^kernelopts=(.*)$/m) ?? find(menus, /^\s*set (?:default_)?kernelopts=["']?(.*?)["']?\s*$/m);
  return cmdlines.map((line) => line.replace(/\$(kernelopts\b|\{kernelopts\})/, (variable) => words ?? variable));
}

/** Of a rescue system, which has all drivers, and of kdump, which has hardly any: not what is started. */
const otherInitrds = /rescue|kdump/;

function contentOf(tree: Tree, path: string): ByteSource | undefined {
  const node = tree.get(tree.resolve(path) ?? path);
  return node?.type === "file" ? node.content : undefined;
}

function readFstab(text: string): FstabLine[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/\s+/))
    .map(([device = "", directory = "", type = ""]) => ({ device, directory, type }));
}
