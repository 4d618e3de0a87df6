import { Tree } from "../../../src/core/tree.ts";

/** What Rock Ridge can tell of a tree: which names are one file only if it has content, and no slash at the end of a target. */
export function rockPartOf(tree: Tree): Tree {
  const part = new Tree(tree.get("/"));
  for (const [path, node] of tree.entries()) {
    if (node.type === "file" && node.content.sizeBytes > 0) part.set(path, node);
    else if (node.type === "symlink") part.set(path, { ...node, target: node.target.replace(/(?<=.)\/+$/, "") });
    else if ("major" in node) part.set(path, { ...node, major: Math.max(1, node.major) });
    else part.set(path, { ...node });
  }
  return part;
}
