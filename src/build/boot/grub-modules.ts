import { readAll } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { nearNames } from "../../core/near-names.ts";
import type { Tree } from "../../core/tree.ts";
import { packageFile } from "./boot-files.ts";

/** GRUB's modules for one platform, as Debian packages them. */
export interface ModulesPackage {
  /** The tree that has them. */
  readonly files: Tree;
  /** `/usr/lib/grub/i386-pc`. */
  readonly directory: string;
  readonly packageName: string;
}

/**
 * Modules with all that they depend on, what is needed before what needs it: GRUB loads in this order. Its moddep.lst has lines `module: what it depends on`.
 *
 * Errors: `image/unsupported` for a module that there is not.
 */
export function withDependencies(from: ModulesPackage, wanted: readonly string[]): string[] {
  const dependencies = new Map<string, string[]>();
  const list = readAll(packageFile(from.files, `${from.directory}/moddep.lst`, from.packageName, "link GRUB"));
  for (const line of new TextDecoder().decode(list).split("\n")) {
    const [name, rest] = line.split(":");
    if (name && rest !== undefined) dependencies.set(name, rest.split(" ").filter(Boolean));
  }
  const ordered = new Set<string>();
  const visit = (name: string) => {
    if (ordered.has(name)) return;
    const needs = dependencies.get(name);
    if (needs === undefined)
      fail("image/unsupported", `cannot link GRUB: ${from.packageName} has no module ${name}`, {
        hint: `it has, for example, ${nearNames(name, dependencies.keys()).join(", ")}`,
      });
    for (const need of needs) visit(need);
    ordered.add(name);
  };
  for (const name of wanted) visit(name);
  return [...ordered];
}
