import fc from "fast-check";
import type { Node } from "../../../src/core/tree.ts";
import { Tree } from "../../../src/core/tree.ts";
import { pattern, sparseSource } from "./images.ts";

/** Trees of every kind of node, made from a list of wishes; a wish that conflicts with an earlier one is dropped. */
export function treesArbitrary(options: { xattrs: boolean; maxTime: number; oddNames: boolean }): fc.Arbitrary<Tree> {
  const character = options.oddNames
    ? fc.constantFrom(..."abcXYZ019._- '\"\\é漢🦊", "\udc80", "\udcff")
    : fc.constantFrom(..."abcXYZ019._-é漢");
  const name = fc
    .oneof(
      { weight: 9, arbitrary: fc.array(character, { minLength: 1, maxLength: 12 }).map((parts) => parts.join("")) },
      { weight: 1, arbitrary: fc.integer({ min: 100, max: 250 }).map((length) => "L".repeat(length)) },
    )
    .filter((text) => text !== "." && text !== ".." && text.trim() === text);
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join("/")}`);
  const xattrs = fc.dictionary(
    fc.constantFrom("user.a", "user.longer-name", "security.capability", "trusted.t"),
    fc.integer({ min: 0, max: 700 }),
    { maxKeys: options.xattrs ? 3 : 0 },
  );
  const attributes = fc.record({
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.nat(70_000), fc.integer({ min: 0, max: 2 ** 32 - 2 })),
    gid: fc.nat(70_000),
    mtime: fc.integer({ min: 0, max: options.maxTime }),
    xattrs: xattrs.map(
      (sizes) => new Map(Object.entries(sizes).map(([key, size]) => [key, pattern(size, key.length)])),
    ),
  });
  const kind = fc.oneof(
    { weight: 5, arbitrary: fc.nat(30_000).map((size) => ({ type: "file" as const, size, sparse: false })) },
    { weight: 2, arbitrary: fc.nat(12).map((size) => ({ type: "file" as const, size, sparse: true })) },
    { weight: 2, arbitrary: fc.constant({ type: "directory" as const }) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 120 }).map((length) => ({ type: "symlink" as const, length })) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constantFrom("block-device" as const, "character-device" as const),
        major: fc.nat(4095),
        minor: fc.nat(2 ** 20 - 1),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("fifo" as const, "socket" as const) }) },
  );
  const wish = fc.record({ path, attributes, kind, linkTo: fc.option(fc.nat(30), { freq: 6 }) });
  return fc.array(wish, { maxLength: 40 }).map((wishes) => {
    const tree = new Tree();
    const made: Node[] = [];
    for (const { path: at, attributes: rest, kind: what, linkTo } of wishes) {
      const linked = linkTo === null ? undefined : made[linkTo];
      const node = linked ?? nodeOf(what, { ...rest, origin: "test" });
      try {
        tree.set(at, node);
        if (node.type !== "directory") made.push(node);
      } catch {
        // A file where another wish needs a directory.
      }
    }
    return tree;
  });
}

type Kind =
  | { type: "file"; size: number; sparse: boolean }
  | { type: "directory" | "fifo" | "socket" }
  | { type: "symlink"; length: number }
  | { type: "block-device" | "character-device"; major: number; minor: number };
type Attributes = Pick<Node, "mode" | "uid" | "gid" | "mtime" | "xattrs" | "origin">;

function nodeOf(kind: Kind, attributes: Attributes): Node {
  switch (kind.type) {
    case "file": {
      const { size } = kind;
      const offsets = Array.from({ length: size }, (_, index) => index * 9000);
      const bytes = pattern(size, size);
      const content = kind.sparse
        ? sparseSource(size * 9000 + 50, offsets, 700)
        : {
            sizeBytes: size,
            extents: size === 0 ? [] : [{ offsetBytes: 0, lengthBytes: size }],
            read: (target: Uint8Array, at: number) => target.set(bytes.subarray(at, at + target.length)),
          };
      return { ...attributes, type: "file", content };
    }
    case "symlink":
      return { ...attributes, type: "symlink", target: "t/".repeat(kind.length).slice(0, kind.length) };
    case "block-device":
    case "character-device":
      return { ...attributes, type: kind.type, major: kind.major, minor: kind.minor };
    default:
      return { ...attributes, type: kind.type };
  }
}
