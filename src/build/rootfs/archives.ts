import type { Node, Tree } from "../../core/tree.ts";
import type { Profile } from "../../profile/schema.ts";
import { findOwner } from "./accounts.ts";
import { forEachEntry } from "./collect-problems.ts";
import { addLayer } from "./layers.ts";
import type { LayersRequest } from "./overlays.ts";

/**
 * Joins the profile's archives into the tree, in their order.
 *
 * @param trees what is in each of the archives
 * @returns what they have put, by path
 *
 * Errors, of all entries: `profile/unknown-owner`, `image/conflict`.
 */
export function addArchives(
  tree: Tree,
  archives: Profile["archives"],
  trees: readonly Tree[],
  { accounts, epochSeconds, locate }: LayersRequest,
): Map<string, Node> {
  const put = new Map<string, Node>();
  forEachEntry(
    archives,
    (index) => locate(["archives", index]),
    ({ target, replace, user, group }, index) => {
      const owner = user === undefined || group === undefined ? undefined : findOwner(accounts, user, group);
      const options = { target, replace, epochSeconds, owner, ownsDirectory: () => replace };
      for (const [path, node] of addLayer(tree, trees[index] as Tree, options)) put.set(path, node);
    },
  );
  return put;
}
