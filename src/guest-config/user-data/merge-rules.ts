import { asArray, asObject, asText, type JsonObject } from "../initializer/json-values.ts";

/** How values of one type are merged: `dict`, `list` or `str`, with words such as `append`. */
export interface MergeRule {
  readonly type: string;
  readonly options: readonly string[];
}

/** Of cloud-config documents that say nothing: a key replaces the one of the document before it, whole. */
export const replacing: readonly MergeRule[] = [
  { type: "dict", options: ["replace"] },
  { type: "list", options: [] },
  { type: "str", options: [] },
];

/**
 * The rules that a document brings under `merge_how` or `merge_type`, and the document without them.
 *
 * @param header what the part's header says; it adds to the document's own rules
 * @throws Error if they cannot be read
 */
export function takeRules(document: JsonObject, header: string | undefined): { rules: MergeRule[]; rest: JsonObject } {
  const { merge_how, merge_type, ...rest } = document;
  return { rules: [...readRules(merge_how ?? merge_type ?? ""), ...readRules(header ?? "")], rest };
}

/** `dict(recurse_array)+list(append)`, or a list of `{name, settings}` or `[name, option…]`. */
function readRules(value: unknown): MergeRule[] {
  if (typeof value === "string")
    return value
      .split("+")
      .map((text) => text.trim().toLowerCase().replaceAll("-", "_"))
      .filter((text) => text !== "")
      .map((text) => {
        const [, type, options] = /^([a-z_]\w*)\((.*?)\)$/.exec(text) ?? [];
        if (type === undefined) throw new Error("merge rules that cannot be read");
        return checked(type, (options as string).split(","));
      });
  if (!Array.isArray(value)) throw new Error("merge rules that cannot be read");
  return value.flatMap((item: unknown): MergeRule[] => {
    if (typeof item === "string") return readRules(item);
    const entry = asObject(item);
    const [first, ...more] = asArray(item);
    const type = asText(entry === undefined ? first : entry["name"]);
    const settings = entry === undefined ? more : entry["settings"];
    if (type === undefined) throw new Error("merge rules that cannot be read");
    return [checked(type.replaceAll("-", "_"), typeof settings === "string" ? settings.split(",") : asArray(settings))];
  });
}

function checked(type: string, options: readonly unknown[]): MergeRule {
  if (!["dict", "list", "str"].includes(type)) throw new Error("a merge rule that is none of dict, list and str");
  const words = options.map((option) => String(option).trim().toLowerCase());
  return { type, options: words.filter((option) => option !== "") };
}
