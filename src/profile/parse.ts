import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from "yaml";
import type { Problem, Where } from "../core/errors.ts";
import { interpolate } from "./interpolate.ts";
import type { Entry, Positioned } from "./positioned.ts";
import { syntaxProblems } from "./syntax.ts";

export interface Parsed {
  /** Undefined when the text is not YAML at all. */
  readonly root: Positioned | undefined;
  readonly problems: readonly Problem[];
}

/** Aliases may repeat one another; past this many values the text is hostile, not a profile. */
const maxValues = 100_000;
const maxDepth = 100;

/**
 * Parses one profile's text into positioned values, with environment variables filled in. Never throws for bad text: every problem is returned.
 *
 * @param file the name that positions carry
 */
export function parseProfile(
  text: string,
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    stringKeys: true,
  });
  const whereOf = (offset: number): Where => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    return { root: undefined, problems: syntaxProblems(broken, text, whereOf) };
  }

  const problems: Problem[] = [];
  const open = new Set<Node>();
  let values = 0;

  const invalid = (where: Where, reason: string, hint: string) =>
    problems.push({ code: "profile/invalid", message: `cannot use this profile: ${reason}`, where, hint });

  const convert = (node: Node | null | undefined, fallback: Where): Positioned => {
    const where = node?.range ? whereOf(node.range[0]) : fallback;
    const unusable: Positioned = { kind: "scalar", where, value: null, unusable: true };
    if (++values > maxValues) {
      if (values === maxValues + 1) invalid(where, `it has more than ${maxValues} values`, "use fewer aliases");
      return unusable;
    }
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target !== undefined && !open.has(target)) return convert(target, where);
      if (target === undefined)
        invalid(
          where,
          `there is no anchor &${node.source} before *${node.source}`,
          "put quotes around text that starts with *",
        );
      else invalid(where, `the alias *${node.source} stands inside what it repeats`, "write the value out");
      return unusable;
    }
    if (isScalar(node)) return convertScalar(node, where);
    if (!isMap(node) && !isSeq(node)) return { kind: "scalar", where, value: null };
    if (open.size === maxDepth) {
      invalid(where, `maps and lists are nested more than ${maxDepth} deep`, "close the brackets");
      return unusable;
    }
    open.add(node);
    try {
      if (isSeq(node)) {
        return { kind: "list", where, items: node.items.map((item) => convert(item as Node, where)) };
      }
      const entries = new Map<string, Entry>();
      for (const pair of node.items) {
        const key = String((pair.key as Scalar | null)?.value ?? "");
        const keyRange = (pair.key as Scalar | null)?.range;
        const keyWhere = keyRange ? whereOf(keyRange[0]) : where;
        const earlier = entries.get(key);
        if (earlier !== undefined) {
          invalid(keyWhere, `duplicate key "${key}"`, `it is already on line ${earlier.keyWhere.line}: merge the two`);
          continue;
        }
        entries.set(key, { keyWhere, value: convert(pair.value as Node | null, keyWhere) });
      }
      return { kind: "map", where, entries };
    } finally {
      open.delete(node);
    }
  };

  const convertScalar = (node: Scalar, where: Where): Positioned => {
    const { value } = node;
    if (typeof value !== "string") {
      const plain =
        typeof value === "number" || typeof value === "boolean" ? value : value == null ? null : String(value);
      return { kind: "scalar", where, value: plain };
    }
    const result = interpolate(value, environment);
    for (const { reference, message, hint } of result.problems) {
      const [start = 0, end = start] = node.range ?? [];
      const offset = text.indexOf(reference, start);
      invalid(offset >= 0 && offset < end ? whereOf(offset) : where, message, hint);
    }
    return {
      kind: "scalar",
      where,
      value: result.text,
      ...(result.replaced ? { fromEnvironment: true } : {}),
      ...(result.problems.length > 0 ? { unusable: true } : {}),
    };
  };

  return { root: convert(document.contents, { file, line: 1, column: 1 }), problems };
}
