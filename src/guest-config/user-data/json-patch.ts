import { asObject, type JsonObject } from "../initializer/json-values.ts";

const mostOperations = 1000;

/** A JSON Patch (RFC 6902) applied to a document, which stays as it is. Throws an Error if any operation cannot be done: then none is. */
export function applyPatch(document: JsonObject, patch: unknown): JsonObject {
  if (!Array.isArray(patch)) throw new Error("is no list of operations");
  if (patch.length > mostOperations) throw new Error(`more than ${mostOperations} operations`);
  let result: unknown = document;
  for (const [index, item] of patch.entries()) {
    const operation = asObject(item);
    try {
      if (operation === undefined) throw new Error("is no mapping");
      result = apply(result, operation);
    } catch (error) {
      throw new Error(`operation ${index + 1}: ${(error as Error).message}`);
    }
  }
  const object = asObject(result);
  if (object === undefined) throw new Error("what comes out is no mapping");
  return object;
}

function apply(document: unknown, operation: JsonObject): unknown {
  const path = pointer(operation["path"]);
  const { op, value } = operation;
  if (op === "add") return edit(document, path, "add", value);
  if (op === "replace") return edit(document, path, "replace", value);
  if (op === "remove") return edit(document, path, "remove", undefined);
  if (op === "test") {
    if (canonical(read(document, path)) !== canonical(value)) throw new Error("the test fails");
    return document;
  }
  if (op !== "move" && op !== "copy") throw new Error("no such operation");
  const from = pointer(operation["from"]);
  const moved = read(document, from);
  return edit(op === "move" ? edit(document, from, "remove", undefined) : document, path, "add", moved);
}

/** RFC 6901: `/a~1b/0`. */
function pointer(text: unknown): string[] {
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/"))) throw new Error("no path");
  const words = text.split("/").slice(1);
  return words.map((word) => word.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function read(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    const inside = Array.isArray(at) ? at[indexIn(at, key, false)] : asObject(at);
    if (Array.isArray(at)) at = inside;
    else if (inside !== undefined && Object.hasOwn(inside, key)) at = inside[key];
    else throw new Error("nothing is there");
  }
  return at;
}

type Edit = "add" | "replace" | "remove";

function edit(target: unknown, path: readonly string[], how: Edit, value: unknown): unknown {
  const [key, ...deeper] = path;
  if (key === undefined) return how === "remove" ? null : value;
  if (Array.isArray(target)) {
    const copy: unknown[] = [...target];
    const index = indexIn(copy, key, how === "add" && deeper.length === 0);
    if (deeper.length > 0) copy[index] = edit(copy[index], deeper, how, value);
    else copy.splice(index, how === "add" ? 0 : 1, ...(how === "remove" ? [] : [value]));
    return copy;
  }
  const object = asObject(target);
  if (object === undefined) throw new Error("nothing is there");
  if (!Object.hasOwn(object, key) && (how !== "add" || deeper.length > 0)) throw new Error("nothing is there");
  const entries = new Map(Object.entries(object));
  if (deeper.length === 0 && how === "remove") entries.delete(key);
  else entries.set(key, deeper.length === 0 ? value : edit(object[key], deeper, how, value));
  return Object.fromEntries(entries);
}

function indexIn(list: readonly unknown[], key: string, mayFollow: boolean): number {
  if (key === "-" && mayFollow) return list.length;
  const index = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : -1;
  if (index < 0 || index >= list.length + (mayFollow ? 1 : 0)) throw new Error("nothing is there");
  return index;
}

/** Keys in order: two mappings are the same whatever the order in which they were written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    const object = asObject(inner);
    return object === undefined
      ? inner
      : Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
