import type { FileSystemPlan, FileSystemRequest } from "../../../src/build/filesystems/filesystem-writer.ts";
import { type SquashfsOptions, squashfsWriter } from "../../../src/build/filesystems/squashfs.ts";
import { squashfsReader } from "../../../src/build/filesystems/squashfs-reader.ts";
import { type ByteSource, bytesSource } from "../../../src/core/byte-source.ts";
import { decodeName } from "../../../src/core/names.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { request } from "./requests.ts";
import { type TreeText, textOfTree } from "./tree-text.ts";

export async function planSquashfs(
  tree: Tree,
  options: Partial<SquashfsOptions> & { jobs?: number } = {},
  more: Partial<FileSystemRequest> = {},
): Promise<FileSystemPlan> {
  const { jobs = 1, ...rest } = options;
  const context = { signal: new AbortController().signal, jobs };
  return await squashfsWriter({ compression: "zstd", ...rest }).plan(request(tree, more), context);
}

/** What our own reader says of an image. */
export function textOfOurs(source: ByteSource): TreeText {
  const { tree, problems } = squashfsReader.read(source);
  if (problems.length > 0) throw new Error(problems.join("; "));
  return textOfTree(tree);
}

const dataMark = "# START OF DATA - DO NOT MODIFY\n#\n";

/** What unsquashfs says of an image: its pseudo file has owners, devices and contents, and needs no root. */
export async function textOfTheirs(image: string): Promise<TreeText> {
  const { status, output } = await runOracle("unsquashfs", ["-pf", "-", image], "latin1");
  const mark = output.indexOf(dataMark);
  if (status !== 0 || mark < 0) throw new Error(`unsquashfs ended with ${status}: ${output.slice(-500)}`);
  const data = Buffer.from(output.slice(mark + dataMark.length), "latin1");
  const tree = new Tree();
  const links: [path: string, target: string][] = [];
  for (const line of output
    .slice(0, mark)
    .split("\n")
    .filter((each) => each !== "" && !each.startsWith("#"))) {
    const { path, kind, rest } = parseLine(line);
    if (kind === "L") links.push([path, pathOf(unescaped(rest))]);
    else if (kind === "x") addXattr(tree, path, rest);
    else tree.set(path, nodeOf(kind, rest, data));
  }
  // Attributes come after the file, and make it another node.
  for (const [path, target] of links) tree.set(path, tree.get(target) as Node);
  return textOfTree(tree);
}

/** A name ends at the first blank that no backslash stands before. */
function parseLine(line: string): { path: string; kind: string; rest: string } {
  const name = /^(?:\\.|[^\\ ])+/s.exec(line)?.[0] ?? "";
  const [kind = "", ...rest] = line.slice(name.length + 1).split(" ");
  return { path: pathOf(unescaped(name)), kind, rest: rest.join(" ") };
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/gs, "$1");
}

function pathOf(latin1: string): string {
  return latin1 === "/" ? "/" : `/${decodeName(Buffer.from(latin1, "latin1"))}`;
}

function addXattr(tree: Tree, path: string, definition: string): void {
  const node = tree.get(path) as Node;
  const at = definition.indexOf("=");
  const text = definition.slice(at + 1);
  const plain = text.startsWith("0t")
    ? text.slice(2).replaceAll(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text;
  const value = new Uint8Array(Buffer.from(plain, "latin1"));
  const xattrs = new Map([...(node.xattrs ?? []), [definition.slice(0, at), value]]);
  tree.set(path, { ...node, xattrs }, { replace: true });
}

function nodeOf(kind: string, rest: string, data: Buffer): Node {
  const [mtime, mode, uid, gid, ...more] = rest.split(" ");
  const common = {
    mtime: Number(mtime),
    mode: Number.parseInt(mode as string, 8),
    // They are printed as if they were signed.
    uid: Number(uid) >>> 0,
    gid: Number(gid) >>> 0,
    origin: "unsquashfs",
  };
  switch (kind) {
    case "D":
      return { ...common, type: "directory" };
    case "R": {
      const [length, offset] = more.map(Number) as [number, number];
      return { ...common, type: "file", content: bytesSource(data.subarray(offset, offset + length)) };
    }
    case "S":
      return { ...common, type: "symlink", target: decodeName(Buffer.from(more.join(" "), "latin1")) };
    case "B":
    case "C": {
      // It prints the number's upper bits and its lowest eight; where Linux has major and minor in it is another matter (linux/kdev_t.h).
      const [upper, low] = more.map(Number) as [number, number];
      const [major, minor] = [upper & 0xfff, low | (((upper >>> 4) & 0xfff00) >>> 0)];
      return { ...common, type: kind === "B" ? "block-device" : "character-device", major, minor };
    }
    case "I":
      return { ...common, type: more[0] === "f" ? "fifo" : "socket" };
    default:
      throw new Error(`unsquashfs told of a ${kind}`);
  }
}

/**
 * The same tree with attributes of letters only, each node again one object: unsquashfs 4.6 overwrites its memory when it prints values with many
 * other bytes.
 */
export function withPlainXattrs(tree: Tree): Tree {
  const plain = new Map<Node, Node>();
  const result = new Tree();
  for (const [path, node] of tree.entries()) {
    const xattrs = new Map(
      [...(node.xattrs ?? [])].map(([name, value]) => [name, value.map((byte) => 97 + (byte % 26))]),
    );
    const copy = plain.get(node) ?? { ...node, xattrs };
    plain.set(node, copy);
    result.set(path, copy);
  }
  return result;
}
