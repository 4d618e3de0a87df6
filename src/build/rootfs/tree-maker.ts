import { type ByteSource, bytesSource, textSource } from "../../core/byte-source.ts";
import { defaultAttributes, type Node, Tree } from "../../core/tree.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

type Attributes = Partial<Owner> & { readonly mode?: number };

/** Puts generated nodes into a tree; all share an origin and a time. */
export interface TreeMaker {
  readonly tree: Tree;
  /** Mode 0644 unless told otherwise. */
  file(path: string, content: string | Uint8Array | ByteSource, attributes?: Attributes): void;
  /** A file of mode 0755. */
  script(path: string, content: string): void;
  /** Mode 0755 unless told otherwise. */
  directory(path: string, attributes?: Attributes): void;
  link(path: string, target: string, owner?: Partial<Owner>): void;
  device(path: string, type: "character-device" | "block-device", major: number, minor: number, mode: number): void;
}

/** @param options `replace`: what is generated wins over what packages put there. */
export function treeMaker(
  origin: string,
  epochSeconds: number,
  tree = new Tree({ mtime: epochSeconds, origin }),
  options: { replace?: boolean } = {},
): TreeMaker {
  const base = { ...defaultAttributes, mtime: epochSeconds, origin };
  const set = (path: string, node: Node) => tree.set(path, node, options);
  const file: TreeMaker["file"] = (path, content, attributes = {}) =>
    set(path, {
      ...base,
      mode: 0o644,
      ...attributes,
      type: "file",
      content: sourceOf(content),
    });
  return {
    tree,
    file,
    script: (path, content) => file(path, content, { mode: 0o755 }),
    directory: (path, attributes = {}) => set(path, { ...base, ...attributes, type: "directory" }),
    link: (path, target, owner = {}) => set(path, { ...base, ...owner, mode: 0o777, type: "symlink", target }),
    device: (path, type, major, minor, mode) => set(path, { ...base, mode, type, major, minor }),
  };
}

function sourceOf(content: string | Uint8Array | ByteSource): ByteSource {
  if (typeof content === "string") return textSource(content);
  return content instanceof Uint8Array ? bytesSource(content) : content;
}
