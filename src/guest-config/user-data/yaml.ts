import { constructFromEvents, parseEvents, Schema, YAMLException } from "js-yaml";
import { yamlTags } from "./yaml-tags.ts";

const schema = new Schema(yamlTags);
/** Deeper nesting than any document of ours needs; the reader calls itself at each level. */
const deepest = 64;
/** An interpreted reader needs seconds for a million characters, and clouds allow some ten thousand; JSON is read natively and has no such limit. */
const longestText = 1 << 20;
/** What aliases may blow a document up to, in characters; each value counts for some. A "billion laughs" is refused before anything walks through it. */
const largestCharacters = 32 << 20;
const perValueCharacters = 16;

/** See Parts. A key that comes twice: the last one counts, as in PyYAML. An empty document is null. */
export function parseYaml(text: string): unknown {
  const json = parseJsonText(text);
  if (json !== undefined) return json;
  if (text.length > longestText) throw new Error(`YAML of more than ${longestText >> 20} MiB`);
  try {
    // A byte order mark is no part of the document.
    const source = text.replace(/^\uFEFF/, "");
    const documents = constructFromEvents(parseEvents(source, { maxDepth: deepest }), { source, schema, json: true });
    if (documents.length > 1) throw new Error("more than one document");
    const value = documents[0] ?? null;
    expandedCharacters(value, new Map(), 0);
    return value;
  } catch (error) {
    throw new Error(error instanceof YAMLException ? describe(error) : (error as Error).message);
  }
}

/** JSON is YAML, but read natively; undefined for what is no JSON. */
function parseJsonText(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    expandedCharacters(value, new Map(), 0);
    return value;
  } catch {
    return undefined;
  }
}

/** Without what the document says: it may hold secrets, and `*` at the start of a password makes it an alias. */
function describe({ reason, mark }: YAMLException): string {
  const what = reason.replace(/ ?(".*"|'.*'|!?<.*>)/gs, "");
  return mark === undefined ? what : `line ${mark.line + 1}: ${what}`;
}

/** As large as it is without sharing. Throws an Error if that is too much, or if something contains itself. */
function expandedCharacters(value: unknown, known: Map<unknown, number>, depth: number): number {
  if (typeof value === "string") return perValueCharacters + value.length;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return perValueCharacters;
  const before = known.get(value);
  if (Number.isNaN(before)) throw new Error("an alias stands for what contains it");
  if (before !== undefined) return before;
  if (depth > deepest) throw new Error("nested too deeply");
  known.set(value, Number.NaN);
  let characters = perValueCharacters;
  for (const [key, item] of Object.entries(value)) {
    characters += key.length + expandedCharacters(item, known, depth + 1);
    if (characters > largestCharacters) throw new Error("aliases make it too large");
  }
  known.set(value, characters);
  return characters;
}
