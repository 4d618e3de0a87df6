import type { Tree } from "../core/tree.ts";
import type { Profile } from "../profile/schema.ts";
import type { BootEntry, BootRequest } from "./boot/bootloader.ts";
import type { Identifiers } from "./identifiers.ts";

/** What a disk is made from. */
export interface DiskRequest {
  readonly profile: Profile;
  readonly identifiers: Identifiers;
  /** The whole root file system, with kernel and initrd in /boot. What goes into partitions of its own is taken out. */
  readonly tree: Tree;
  readonly kernelPath: string;
  readonly initrdPath: string | undefined;
  readonly bootModules: BootEntry["modules"];
  /** The merged trees of the packages that boot loaders are made from. */
  readonly tools: Tree;
  readonly epochSeconds: number;
  /** Called when the tree holds all that goes into the root file system, and nothing is planned yet; with the paths of what will be told where it lies. */
  readonly complete?: (tree: Tree, placedPaths: readonly string[]) => void;
  readonly lzma?: BootRequest["lzma"];
}
