import { type KernelModule, loadOrder, type ModuleCatalog } from "./module-closure.ts";
import type { TreeMaker } from "./tree-maker.ts";

/** Lists that come with the kernel and hold for any choice of its modules. */
const copied = ["modules.builtin", "modules.builtin.modinfo"];

/**
 * Installs modules with the text indexes that modprobe (busybox's and kmod's) reads, as depmod would write them for just these modules. kmod's binary indexes are left out: it falls
 * back to these.
 */
export function addModules(maker: TreeMaker, catalog: ModuleCatalog, modules: ReadonlyMap<string, KernelModule>): void {
  const { directory, tree } = catalog;
  maker.directory(directory);
  for (const { path, content } of modules.values()) maker.file(`${directory}/${path}`, content);
  for (const [name, text] of Object.entries(moduleIndexes(modules))) maker.file(`${directory}/${name}`, text);
  for (const name of copied) {
    const node = tree.get(`${directory}/${name}`);
    if (node?.type === "file") maker.file(`${directory}/${name}`, node.content);
  }
}

/** modules.dep(5), and the aliases and soft dependencies in the syntax of modprobe.d(5). */
export function moduleIndexes(modules: ReadonlyMap<string, KernelModule>): Record<string, string> {
  const all = [...modules.values()];
  const hard = new Map(all.map((module) => [module.name, { ...module, softdeps: [] }]));
  const lines = (parts: readonly string[]) => parts.map((line) => `${line}\n`).join("");
  return {
    "modules.dep": lines(
      all.map(({ name, path }) => {
        // modprobe loads from the last to the first.
        const needed = loadOrder(hard, name).slice(0, -1).reverse();
        return [`${path}:`, ...needed.map((module) => module.path)].join(" ");
      }),
    ),
    "modules.alias": lines([
      "# Aliases extracted from modules themselves.",
      ...all.flatMap(({ name, aliases }) => aliases.map((alias) => `alias ${alias} ${name}`)),
    ]),
    "modules.softdep": lines([
      "# Soft dependencies extracted from modules themselves.",
      ...all.flatMap(({ name, softdeps }) => softdeps.map((text) => `softdep ${name} ${text}`)),
    ]),
  };
}
