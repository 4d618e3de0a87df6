import { fail } from "../core/errors.ts";
import type { Tree } from "../core/tree.ts";
import type { Profile } from "../profile/schema.ts";

type ExtraPartition = Profile["disk"]["partitions"][number];

/**
 * Makes sure that every partition with a mount point has a directory to be mounted on: nobody makes one in the guest.
 *
 * Errors: `image/unsupported` if there is something else.
 */
export function makeMountPoints(tree: Tree, partitions: readonly ExtraPartition[], epochSeconds: number): void {
  for (const { name, mount } of partitions) {
    if (mount === undefined) continue;
    const refuse = (path: string, what: string, hint: string): never =>
      fail("image/unsupported", `cannot mount the partition ${name} at ${mount}: ${path} is ${what} in the image`, {
        hint,
      });
    const parts = mount.split("/").slice(1);
    for (const path of parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`)) {
      const node = tree.get(path);
      if (node?.type === "symlink")
        refuse(path, `a link to ${node.target}`, "name the place that it leads to, if that may be a partition");
      else if (node !== undefined && node.type !== "directory")
        refuse(path, `a ${node.type.replace("-", " ")}`, "mount it at a directory");
    }
    if (!tree.has(mount))
      tree.set(mount, {
        ...{ type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: epochSeconds },
        origin: `profile disk.partitions, ${name}`,
      });
  }
}
