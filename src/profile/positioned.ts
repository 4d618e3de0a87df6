import type { Where } from "../core/errors.ts";

/**
 * YAML values that remember where each of them was written. Profiles are merged in this form, so a position always leads to the file that a value came
 * from, whichever profile extended it.
 */
export type Positioned = PositionedScalar | PositionedList | PositionedMap;

interface PositionedScalar {
  readonly kind: "scalar";
  readonly where: Where;
  value: string | number | boolean | null;
  /** Holds something from the environment: it may be a secret, so messages must not repeat it. */
  readonly fromEnvironment?: boolean;
  /** Refers to a variable that is not set, which has been reported: counts as not written, and nothing more is said about it. */
  readonly unusable?: boolean;
}

export interface PositionedList {
  readonly kind: "list";
  readonly where: Where;
  readonly items: readonly Positioned[];
}

export interface PositionedMap {
  readonly kind: "map";
  readonly where: Where;
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface Entry {
  readonly keyWhere: Where;
  readonly value: Positioned;
}

/** Keys and list indexes from the top of the profile: `["files", 2, "source"]`. */
export type ProfilePath = readonly (string | number)[];

/** Where a value, and the key that leads to it, are. */
export interface Found {
  readonly value: Positioned;
  readonly keyWhere: Where;
}

/** What is at a path, or undefined. */
export function findAt(root: Positioned, path: ProfilePath): Found | undefined {
  let found: Found = { value: root, keyWhere: root.where };
  for (const part of path) {
    const { value } = found;
    if (value.kind === "map") {
      const entry = value.entries.get(String(part));
      if (entry === undefined) return undefined;
      found = entry;
    } else if (value.kind === "list") {
      const item = value.items[Number(part)];
      if (item === undefined) return undefined;
      found = { value: item, keyWhere: item.where };
    } else return undefined;
  }
  return found;
}

/** The position of what is at a path or, if it was not written, of the nearest thing around it. */
export function whereAt(root: Positioned, path: ProfilePath): Where {
  for (let length = path.length; length > 0; length--) {
    const found = findAt(root, path.slice(0, length));
    if (found !== undefined) return length === path.length ? found.value.where : found.keyWhere;
  }
  return root.where;
}

/** Where a part of a profile was written, or what is nearest to it; undefined if no part of the path was written. */
export function locate(loaded: { readonly positions: Positioned }, path: ProfilePath): Where | undefined {
  return findAt(loaded.positions, path.slice(0, 1)) === undefined ? undefined : whereAt(loaded.positions, path);
}

/** The plain value. A null in a map counts as not written. */
export function plainValue(node: Positioned): unknown {
  if (node.kind === "scalar") return node.unusable === true ? undefined : node.value;
  if (node.kind === "list") return node.items.map(plainValue);
  const plain: Record<string, unknown> = {};
  for (const [key, { value }] of node.entries) {
    const member = value.kind === "scalar" && value.value === null ? undefined : plainValue(value);
    // Not by assignment: a key named __proto__ must stay a key.
    Object.defineProperty(plain, key, { value: member, enumerable: true, configurable: true, writable: true });
  }
  return plain;
}

/** `files[2].source` */
export function formatPath(path: ProfilePath): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)).join("");
}
