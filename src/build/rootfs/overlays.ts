import { fail } from "../../core/errors.ts";
import { globMatcher } from "../../core/glob.ts";
import type { Node, Tree } from "../../core/tree.ts";
import type { Profile } from "../../profile/schema.ts";
import { type Accounts, findOwner } from "./accounts.ts";
import { forEachEntry, type Locate } from "./collect-problems.ts";
import { copySource, statIfThere } from "./host-files.ts";
import { addLayer } from "./layers.ts";
import { treeMaker } from "./tree-maker.ts";

type Overlay = Exclude<Profile["overlays"][number], string>;

export interface LayersRequest {
  readonly accounts: Accounts;
  readonly epochSeconds: number;
  readonly locate: Locate;
}

/**
 * Lays the profile's directories over the tree, in their order: what they have takes the place of what is there, and directories are joined.
 *
 * @returns what they have put, by path
 *
 * Errors, of all entries: `profile/no-source`, `profile/no-match`, `profile/unknown-owner`, `image/conflict`.
 */
export function addOverlays(tree: Tree, overlays: Profile["overlays"], request: LayersRequest): Map<string, Node> {
  const { accounts, epochSeconds, locate } = request;
  const put = new Map<string, Node>();
  forEachEntry(
    overlays,
    (index) => locate(["overlays", index]),
    (entry, index) => {
      const { source, target, attributes } = typeof entry === "string" ? plain(entry) : entry;
      if (statIfThere(source)?.isDirectory() === false)
        fail("profile/no-source", `cannot lay ${source} over the root: it is not a directory`, {
          hint: "put single files into `files`",
        });
      const { tree: layer, ...maker } = treeMaker(`profile overlays[${index}]`, epochSeconds);
      copySource({ tree: layer, ...maker }, source, "/", { owner: { uid: 0, gid: 0 } });
      const owned = new Set<string>();
      forEachEntry(
        attributes,
        (at) => locate(["overlays", index, "attributes", at, "path"]),
        (rule) => {
          for (const path of giveAttributes(layer, target, rule, accounts)) owned.add(path);
        },
      );
      const options = { target, replace: true, epochSeconds, ownsDirectory: (path: string) => owned.has(path) };
      for (const [path, node] of addLayer(tree, layer, options)) put.set(path, node);
    },
  );
  return put;
}

function plain(source: string): Overlay {
  return { source, target: "/", attributes: [] };
}

/** Says which paths of the layer it has changed. */
function giveAttributes(
  layer: Tree,
  target: string,
  { path: pattern, mode, user, group }: Overlay["attributes"][number],
  accounts: Accounts,
): string[] {
  const matches = globMatcher(pattern);
  const owner = user === undefined || group === undefined ? {} : findOwner(accounts, user, group);
  const base = target === "/" ? "" : target;
  const found = [...layer.entries()].filter(([path]) => matches(path === "/" ? target : `${base}${path}`));
  if (found.length === 0)
    fail("profile/no-match", `cannot give ${pattern} a mode or owner: the overlay brings nothing of that path`, {
      hint: "it is a path in the image, not on this host",
    });
  for (const [path, node] of found)
    layer.set(
      path,
      { ...node, ...owner, mode: node.type === "symlink" ? node.mode : (mode ?? node.mode) },
      { replace: true },
    );
  return found.map(([path]) => path);
}
