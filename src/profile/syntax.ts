import type { YAMLError } from "yaml";
import type { Problem, Where } from "../core/errors.ts";

/**
 * The parser's complaints in plain words. One mistake makes it stumble several times, so only its first complaint about a line is kept, and what it says
 * about the rest of a text that it has already lost its way in is dropped.
 */
export function syntaxProblems(
  errors: readonly YAMLError[],
  text: string,
  whereOf: (offset: number) => Where,
): Problem[] {
  const firstOfLine = new Map<number | undefined, Problem>();
  for (const error of errors) {
    if (firstOfLine.size > 0 && error.message.includes("in YAML stream")) continue;
    const where = whereOf(error.pos[0]);
    if (firstOfLine.has(where.line)) continue;
    const message = `cannot read this profile: not valid YAML: ${reasonOf(error)}`;
    firstOfLine.set(where.line, { code: "profile/syntax", message, where, hint: hintFor(error, text) });
  }
  return [...firstOfLine.values()];
}

type Code = YAMLError["code"];

const reasons: Partial<Record<Code, string>> = {
  MULTIPLE_DOCS: "there is more than one document",
  NON_STRING_KEY: "a key is not plain text",
  BLOCK_AS_IMPLICIT_KEY: "there is a second colon on this line",
  TAB_AS_INDENT: "a tab indents this line",
  RESOURCE_EXHAUSTION: "maps and lists are nested too deep",
};

const hints: Partial<Record<Code, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "entries of one map or list must start in the same column",
  MULTIPLE_DOCS: "remove the line ---",
  BLOCK_AS_IMPLICIT_KEY: "put quotes around text that contains a colon and a space",
  BAD_SCALAR_START: "put quotes around text that starts with @ or a backquote",
  TAG_RESOLVE_FAILED: "profiles need no tags: remove it",
};

const tokens: Readonly<Record<string, string>> = {
  "flow-map-start": '"{"',
  "flow-map-end": '"}"',
  "flow-seq-start": '"["',
  "flow-seq-end": '"]"',
  "seq-item-ind": '"-"',
  "map-value-ind": '":"',
  "explicit-key-ind": '"?"',
  "block-map": "a map",
  "block-seq": "a list",
};

function reasonOf({ code, message }: YAMLError): string {
  const unclosed = /must be sufficiently indented and end with a ([\]}])/.exec(message);
  if (unclosed !== null) return `a ${unclosed[1] === "]" ? "[" : "{"} is not closed by ${unclosed[1]}`;
  return (
    reasons[code] ??
    message
      .replace(/\s+/g, " ")
      .replace(/\.$/, "")
      .replace(/\b[a-z]+-[a-z]+(-[a-z]+)?\b/g, (name) => tokens[name] ?? name)
      .replace(/ at node end$/, " after a complete value")
      .replace(/ (token )?in YAML stream(: .*)?$/, "")
      .replace(/(["'])quote$/, "quote $1")
      .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())
  );
}

function hintFor({ code, message, pos: [offset] }: YAMLError, text: string): string | undefined {
  // In { } and [ ] a brace always opens a map, so ${env:NAME} falls apart there.
  if (text.startsWith("{env:", offset) || text.startsWith("${env:", offset - 1))
    return `inside { } and [ ], put quotes around \${env:NAME}`;
  if (message.includes("and end with a")) return "it may begin some lines above: add what closes it there";
  return hints[code] ?? "look at this line and the one above it: indentation, quotes and brackets must fit";
}
