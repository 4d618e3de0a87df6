import { CloudimgError, type Problem, type Where } from "../../core/errors.ts";
import { encodeName } from "../../core/names.ts";
import { fileTypeBits, type Node, splitPath, type Tree } from "../../core/tree.ts";

const largestId = 2 ** 32 - 2;

/**
 * That a hook has left nodes that a file system can hold: it is other people's code, often without a type checker.
 *
 * Errors: `profile/hook-failed` with all of them.
 */
export function checkTree(tree: Tree, hookPath: string, where: Where | undefined): void {
  const problems: Problem[] = [];
  for (const [path, node] of tree.entries()) {
    const reason = faultOf(path, node);
    if (reason === undefined) continue;
    const message = `cannot use what the hook ${hookPath} has left at ${path}: ${reason}`;
    problems.push({
      code: "profile/hook-failed",
      message,
      where,
      hint: "api.file, api.directory and api.link make whole nodes",
    });
  }
  if (problems.length > 0) throw new CloudimgError(problems.slice(0, 20));
}

function faultOf(path: string, node: Node): string | undefined {
  const isNumber = (value: unknown, largest: number) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= largest;
  const { name } = splitPath(path);
  if (encodeName(name).length > 255 || name.includes("\0")) return "its name is longer than 255 bytes, or has a NUL";
  if (!Object.hasOwn(fileTypeBits, node.type)) return `there is no type "${node.type}"`;
  if (!isNumber(node.mode, 0o7777)) return `its mode is ${node.mode}`;
  if (!isNumber(node.uid, largestId) || !isNumber(node.gid, largestId)) return `its owner is ${node.uid}:${node.gid}`;
  if (!Number.isInteger(node.mtime)) return `its time is ${node.mtime}`;
  if (node.type === "symlink" && (typeof node.target !== "string" || node.target === "")) return "a link leads nowhere";
  if (node.type === "file" && (typeof node.content?.read !== "function" || !Array.isArray(node.content.extents)))
    return "its content is no ByteSource";
  if ("major" in node && !(isNumber(node.major, 4095) && isNumber(node.minor, 2 ** 20 - 1)))
    return "it has no device numbers";
  return undefined;
}
