/** Section → key → value, of the credential files that the clouds' tools write: `[section]`, `key = value`, comments by `#` or `;`. Keys before any section are of `default`. */
export function readIni(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let name = "default";
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    const [, section, key, value] = /^\s*(?:\[([^\]]+)\]|([^#;=\s][^=]*?)\s*=\s*(.*?))\s*$/.exec(line) ?? [];
    if (section !== undefined) name = section.trim();
    if (key === undefined || value === undefined) continue;
    const keys = sections.get(name) ?? new Map<string, string>();
    sections.set(name, keys.set(key, value.replace(/^(["'])(.*)\1$/, "$2")));
  }
  return sections;
}
