/** The assignments of an os-release(5) file, which are those of a shell. */
export function parseOsRelease(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.replaceAll("\0", "").split("\n")) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const [, name = "", value = ""] = match;
    const quoted = /^(["'])(.*)\1$/s.exec(value);
    values[name] = quoted === null ? value : (quoted[2] as string).replace(/\\(["'`$\\])/g, "$1");
  }
  return values;
}
