import { ext4 } from "../../../src/build/filesystems/ext4.ts";
import type { FileSystemPlan, FileSystemRequest } from "../../../src/build/filesystems/filesystem-writer.ts";
import { CloudimgError, type Problem } from "../../../src/core/errors.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import { attributes } from "./images.ts";

/** A request with the smallest size, unless told. */
export function request(tree: Tree, more: Partial<FileSystemRequest> = {}): FileSystemRequest {
  return {
    tree,
    size: { freeBytes: 0 },
    label: "root",
    uuid: "6f1d7c52-0b7e-8a31-9c4e-2f4c8e0d5b11",
    seed: "seed",
    epochSeconds: 1_700_000_000,
    ...more,
  };
}

export function planExt4(tree: Tree, more: Partial<FileSystemRequest> = {}): FileSystemPlan {
  return ext4.plan(request(tree, more));
}

export function treeOf(nodes: Readonly<Record<string, Node>>): Tree {
  const tree = new Tree(attributes);
  for (const [path, node] of Object.entries(nodes)) tree.set(path, node);
  return tree;
}

/** The problems that work ends with; fails the test if it ends well or otherwise. */
export function problemsOf(work: () => unknown): readonly Problem[] {
  try {
    work();
  } catch (error) {
    if (error instanceof CloudimgError) return error.problems;
    throw error;
  }
  throw new Error("it did not fail");
}

/** As `problemsOf`, of work that may take its time. */
export async function problemsOfAsync(work: () => unknown): Promise<readonly Problem[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CloudimgError) return error.problems;
    throw error;
  }
  throw new Error("it did not fail");
}
