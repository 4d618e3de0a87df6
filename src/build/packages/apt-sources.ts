import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Archives that the host's apt uses, in the order it reads them. */
export interface AptSource {
  /** Base URL without a slash at its end. */
  readonly url: string;
  readonly suites: readonly string[];
}

/** Reads /etc/apt/sources.list and sources.list.d (sources.list(5)); a host without apt has none. */
export async function readAptSources(directory = "/etc/apt"): Promise<AptSource[]> {
  const sources: AptSource[] = [];
  const parts = join(directory, "sources.list.d");
  const names = await readdir(parts).catch(() => []);
  const files = [join(directory, "sources.list"), ...names.sort().map((name) => join(parts, name))];
  for (const file of files) {
    if (!/\.(list|sources)$/.test(file)) continue;
    const text = await readFile(file, "utf8").catch(() => "");
    sources.push(...(file.endsWith(".list") ? parseOneLine(text) : parseDeb822(text)));
  }
  return sources;
}

/** `deb [options] URI suite component…` */
export function parseOneLine(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line.replace(/#.*/, ""));
    if (match !== null) push(sources, match[1] as string, [match[2] as string]);
  }
  return sources;
}

/** Paragraphs with Types, URIs and Suites. */
export function parseDeb822(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const uncommented = text.replace(/^#.*\n?/gm, "");
  for (const paragraph of uncommented.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    let key = "";
    for (const line of paragraph.split("\n")) {
      const match = /^([A-Za-z-]+):(.*)$/.exec(line);
      if (match !== null) {
        key = (match[1] as string).toLowerCase();
        fields.set(key, match[2] as string);
      } else if (/^\s/.test(line) && key !== "") fields.set(key, `${fields.get(key)} ${line}`);
    }
    const words = (name: string) => (fields.get(name) ?? "").split(/\s+/).filter((word) => word !== "");
    if (/^\s*(no|false|0)\s*$/i.test(fields.get("enabled") ?? "") || !words("types").includes("deb")) continue;
    for (const uri of words("uris")) push(sources, uri, words("suites"));
  }
  return sources;
}

function push(sources: AptSource[], uri: string, suites: readonly string[]): void {
  if (!/^https?:\/\//.test(uri) || !URL.canParse(uri)) return;
  sources.push({ url: uri.replace(/\/+$/, ""), suites });
}
