import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { defaultAttributes, Tree } from "../../core/tree.ts";

/** A tree of root's files of mode 0644, as old as the build. */
export function bootTree(contents: Readonly<Record<string, ByteSource>>, epochSeconds: number): Tree {
  const tree = new Tree({ mtime: epochSeconds, origin: "boot loader" });
  const attributes = { ...defaultAttributes, mode: 0o644, mtime: epochSeconds, origin: "boot loader" };
  for (const [path, content] of Object.entries(contents)) tree.set(path, { ...attributes, type: "file", content });
  return tree;
}

/**
 * A file of a package that a boot loader is made from.
 *
 * @param what for people: `install GRUB`
 * Errors: `image/unsupported` if the package does not have it.
 */
export function packageFile(files: Tree, path: string, packageName: string, what: string): ByteSource {
  const node = files.get(path);
  if (node?.type === "file") return node.content;
  fail("image/unsupported", `cannot ${what}: the package ${packageName} has no ${path}`, {
    hint: "use a suite from Debian 12 (bookworm) on",
  });
}
