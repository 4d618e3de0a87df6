import { addImageManifest } from "../../src/build/manifest.ts";
import type { Tree } from "../../src/core/tree.ts";
import { profileSchema } from "../../src/profile/schema.ts";

/** Lists all of the tree in it, as a build does. */
export function withManifest(tree: Tree, epochSeconds = 5): Tree {
  const inputs = {
    arch: "",
    suite: "",
    components: [],
    updates: false,
    security: false,
    include: [],
    exclude: [],
    tools: [],
  };
  addImageManifest({
    loaded: { profile: profileSchema.parse({ image: { name: "small" } }), digest: "d".repeat(64) },
    lock: { formatVersion: 1, inputsDigest: "", inputs, epochSeconds, archives: [], packages: [] },
    tree,
  });
  return tree;
}
