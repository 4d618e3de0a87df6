/**
 * Path globs of profiles: `*` and `?` stand for characters within one name, `**` for any number of names, `[abc]` for one of these characters. A
 * pattern that names a directory means all below it too, unless it is to be exact.
 */
export function globMatcher(pattern: string, options: { readonly exact?: boolean } = {}): (path: string) => boolean {
  const source = pattern
    .replace(/\/+$/, "")
    .split("/")
    .map((part) => (part === "**" ? part : partSource(part)))
    .join("/")
    .replaceAll("/**/", "/(?:.*/)?")
    .replace(/\/\*\*$/, "/.*");
  const expression = new RegExp(`^${source}${options.exact === true ? "" : "(?:/.*)?"}$`, "s");
  return (path) => expression.test(path);
}

/** Whether a pattern stands for more than itself. */
export function isGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

function partSource(part: string): string {
  if (part === "*") return "[^/]+";
  let source = "";
  for (let at = 0; at < part.length; at++) {
    const character = part[at] as string;
    const close = character === "[" ? part.indexOf("]", at + 2) : -1;
    if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (close > 0) {
      const set = part
        .slice(at + 1, close)
        .replace(/^!/, "^")
        .replace(/[\\[]/g, "\\$&");
      source += `[${set}]`;
      at = close;
    } else source += character.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  }
  return source;
}
