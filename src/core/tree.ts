import type { ByteSource } from "./byte-source.ts";
import { CloudimgError } from "./errors.ts";
import { compareNames } from "./names.ts";

/** What every kind of node has. */
interface Attributes {
  /** Permission bits, set-id and sticky bits: 0o0000 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Modification time in seconds since 1970. */
  readonly mtime: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Who put it here, for messages and reports: `package nginx`, `profile files[2]`. */
  readonly origin: string;
}

export interface FileNode extends Attributes {
  readonly type: "file";
  readonly content: ByteSource;
}
export interface SymlinkNode extends Attributes {
  readonly type: "symlink";
  readonly target: string;
}
export interface DeviceNode extends Attributes {
  readonly type: "character-device" | "block-device";
  readonly major: number;
  readonly minor: number;
}
export interface SpecialNode extends Attributes {
  readonly type: "fifo" | "socket";
}
export interface DirectoryNode extends Attributes {
  readonly type: "directory";
}

/** The same node object at several paths is one file with several hard links. */
export type Node = FileNode | SymlinkNode | DeviceNode | SpecialNode | DirectoryNode;

/** What a mode says of the type besides the permission bits, the same in every format that Unix has brought forth (inode(7), S_IFMT). */
export const fileTypeBits = {
  fifo: 0o010000,
  "character-device": 0o020000,
  directory: 0o040000,
  "block-device": 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const satisfies Record<Node["type"], number>;

interface Slot {
  node: Node;
  /** Only directories have children. */
  readonly children: Map<string, Slot> | undefined;
}

/**
 * A root file system in memory: paths to nodes with owner, mode, times, extended attributes and device numbers, whoever runs us.
 * Paths are absolute and normal (`/etc/hostname`; the root is `/`); names are as in names.ts. Symbolic links are *not* followed,
 * except by `resolve`.
 */
export class Tree {
  readonly #root: Slot;

  constructor(root: Partial<Attributes> = {}) {
    this.#root = {
      node: { ...defaultAttributes, ...root, type: "directory" },
      children: new Map(),
    };
  }

  get(path: string): Node | undefined {
    return this.#slot(path)?.node;
  }

  has(path: string): boolean {
    return this.#slot(path) !== undefined;
  }

  /**
   * Puts a node at a path; missing parents are made as root's directories of mode 0755. A directory over a directory keeps the children; any other
   * replacement is a conflict unless `replace` is given. Equal directories, links and the same node object never conflict.
   */
  set(path: string, node: Node, options: { replace?: boolean } = {}): void {
    if (path === "/") {
      if (node.type !== "directory") throw conflict(path, this.#root.node, node);
      this.#root.node = node;
      return;
    }
    const { parent, name } = this.#parentOf(path, node);
    const old = parent.children?.get(name);
    if (old !== undefined) {
      if (old.node.type === "directory" && node.type === "directory") {
        old.node = node;
        return;
      }
      if (options.replace !== true && !sameNode(old.node, node)) throw conflict(path, old.node, node);
      if (old.children !== undefined && old.children.size > 0) throw conflict(path, old.node, node);
    }
    parent.children?.set(name, {
      node,
      children: node.type === "directory" ? new Map() : undefined,
    });
  }

  /** Removes a path and all below it. Says whether there was anything. */
  remove(path: string): boolean {
    const { dir, name } = splitPath(path);
    return this.#slot(dir)?.children?.delete(name) ?? false;
  }

  /** Names in a directory, sorted by bytes; empty if it is not one. */
  list(path: string): string[] {
    return [...(this.#slot(path)?.children?.keys() ?? [])].sort(compareNames);
  }

  /** Every path with its node, at and below one: a directory before its children, names sorted by bytes. Starts with `/` unless told otherwise; nothing if it is not there. */
  *entries(from = "/"): IterableIterator<[path: string, node: Node]> {
    const slot = this.#slot(from);
    if (slot === undefined) return;
    yield [from, slot.node];
    if (slot.children !== undefined) yield* walk(from === "/" ? "" : from, slot);
  }

  /** Adds every entry of another tree. The other's directories win over ours in owner and mode. */
  merge(other: Tree, options: { replace?: boolean } = {}): void {
    for (const [path, node] of other.entries()) this.set(path, node, options);
  }

  /**
   * The path that `path` leads to inside this tree when symbolic links are followed, as the guest would (an absolute target starts at our root).
   * Undefined if it leads nowhere or round in circles.
   */
  resolve(path: string): string | undefined {
    let budget = 40;
    const pending = path.split("/").filter((part) => part !== "");
    let at = "";
    while (pending.length > 0) {
      const part = pending.shift() as string;
      if (part === ".") continue;
      if (part === "..") {
        at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
        continue;
      }
      const next = `${at}/${part}`;
      const node = this.get(next);
      if (node === undefined) return undefined;
      if (node.type === "symlink") {
        if (budget-- === 0) return undefined;
        pending.unshift(...node.target.split("/").filter((p) => p !== ""));
        if (node.target.startsWith("/")) at = "";
      } else at = next;
    }
    return at === "" ? "/" : at;
  }

  #slot(path: string): Slot | undefined {
    if (path === "/") return this.#root;
    let slot: Slot | undefined = this.#root;
    for (const name of path.split("/").slice(1)) {
      slot = slot?.children?.get(name);
      if (slot === undefined) return undefined;
    }
    return slot;
  }

  #parentOf(path: string, node: Node): { parent: Slot; name: string } {
    const names = path.split("/").slice(1);
    const name = names.pop();
    if (!path.startsWith("/") || !name) throw new TypeError(`not a normal absolute path: ${path}`);
    let parent = this.#root;
    let at = "";
    for (const part of names) {
      at += `/${part}`;
      if (part === "" || part === "." || part === "..") throw new TypeError(`not a normal absolute path: ${path}`);
      let next = parent.children?.get(part);
      if (next === undefined) {
        const { mtime, origin } = node;
        next = {
          node: { ...defaultAttributes, mtime, origin, type: "directory" },
          children: new Map(),
        };
        parent.children?.set(part, next);
      }
      if (next.children === undefined) throw conflict(at, next.node, node);
      parent = next;
    }
    return { parent, name };
  }
}

/** Root's, mode 0755, time 0. Whoever builds a tree sets the time to the build's epoch. */
export const defaultAttributes: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  origin: "cloudimg",
};

export function splitPath(path: string): { dir: string; name: string } {
  const slash = path.lastIndexOf("/");
  return { dir: slash <= 0 ? "/" : path.slice(0, slash), name: path.slice(slash + 1) };
}

function* walk(prefix: string, slot: Slot): IterableIterator<[path: string, node: Node]> {
  const children = slot.children as Map<string, Slot>;
  for (const name of [...children.keys()].sort(compareNames)) {
    const child = children.get(name) as Slot;
    const path = `${prefix}/${name}`;
    yield [path, child.node];
    if (child.children !== undefined) yield* walk(path, child);
  }
}

function sameNode(a: Node, b: Node): boolean {
  if (a === b) return true;
  return a.type === "symlink" && b.type === "symlink" && a.target === b.target;
}

function conflict(path: string, old: Node, node: Node): CloudimgError {
  return new CloudimgError({
    code: "image/conflict",
    message: `cannot put a ${node.type} at ${path}: ${old.origin} has already put a ${old.type} there (this one comes from ${node.origin})`,
    hint: "leave one of the two out, or choose another target path",
  });
}
