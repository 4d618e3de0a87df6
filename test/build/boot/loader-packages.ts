import type { Arch } from "../../../src/build/boot/bootloader.ts";
import { openPackages } from "../../../src/build/packages/open.ts";
import { lockPackages } from "../../../src/build/packages/resolve.ts";
import { createContext } from "../../../src/commands/environment.ts";
import { Tree } from "../../../src/core/tree.ts";

const known = new Map<string, Promise<Tree>>();

/** The merged files of Debian packages, none of their dependencies: what the pipeline hands to a boot loader. */
export function loaderPackages(arch: Arch, names: readonly string[]): Promise<Tree> {
  const key = [arch, ...names].join(" ");
  const files = known.get(key) ?? open(arch, names);
  known.set(key, files);
  return files;
}

async function open(arch: Arch, tools: readonly string[]): Promise<Tree> {
  const context = createContext(() => {}, new AbortController().signal, undefined);
  const request = {
    ...{ arch, suite: "trixie", components: ["main"], updates: true, security: false },
    ...{ include: [], exclude: [], tools, allowExpired: false },
  };
  const all = new Tree();
  const trees = await openPackages(await lockPackages(request, context), request, context);
  for (const tree of trees.values()) all.merge(tree, { replace: true });
  return all;
}
