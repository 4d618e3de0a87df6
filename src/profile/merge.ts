import type { Entry, Positioned, PositionedList, PositionedMap } from "./positioned.ts";

/** Lists that a profile adds to instead of replacing them: what it inherits comes first. */
export const concatenatedLists: readonly string[] = [
  "packages.include",
  "packages.local",
  "packages.exclude",
  "packages.prune",
  "kernel.cmdline",
  "kernel.modules",
  "kernel.initrdModules",
  "archives",
  "overlays",
  "files",
  "changes",
  "hooks",
  "services.commands",
  "smoke.ssh",
  "smoke.http",
];

/** Lists of maps where an entry with the `name` of an inherited one is merged into it; the others are added. */
export const listsMergedByName: readonly string[] = ["users"];

/**
 * What a profile and the one that it extends say together. Maps merge deeply, lists as above or else the profile's own wins, anything else the profile's own wins, and
 * null removes what was inherited.
 */
export function mergeProfiles(base: Positioned, own: Positioned): Positioned {
  return mergeAt("", base, own);
}

function mergeAt(path: string, base: Positioned, own: Positioned): Positioned {
  if (base.kind === "map" && own.kind === "map") return mergeMaps(path, base, own);
  if (base.kind === "list" && own.kind === "list") {
    if (concatenatedLists.includes(path)) return { ...own, items: [...base.items, ...own.items] };
    if (listsMergedByName.includes(path)) return mergeByName(path, base, own);
  }
  return own;
}

function mergeMaps(path: string, base: PositionedMap, own: PositionedMap): PositionedMap {
  const entries = new Map<string, Entry>(base.entries);
  for (const [key, entry] of own.entries) {
    const inherited = entries.get(key);
    if (inherited === undefined) entries.set(key, entry);
    else if (entry.value.kind === "scalar" && entry.value.value === null) entries.delete(key);
    else {
      const value = mergeAt(path === "" ? key : `${path}.${key}`, inherited.value, entry.value);
      entries.set(key, { keyWhere: entry.keyWhere, value });
    }
  }
  return { ...own, entries };
}

function mergeByName(path: string, base: PositionedList, own: PositionedList): PositionedList {
  const items = [...base.items];
  // Only inherited entries are merged into: a name twice in one profile is a mistake that the rules report.
  const inherited = base.items.map(nameOf);
  for (const item of own.items) {
    const name = nameOf(item);
    const index = name === undefined ? -1 : inherited.indexOf(name);
    const old = items[index];
    if (old === undefined) items.push(item);
    else {
      items[index] = mergeAt(`${path}[]`, old, item);
      inherited[index] = undefined;
    }
  }
  return { ...own, items };
}

function nameOf(item: Positioned): string | undefined {
  if (item.kind !== "map") return undefined;
  const name = item.entries.get("name")?.value;
  return name?.kind === "scalar" && typeof name.value === "string" ? name.value : undefined;
}
