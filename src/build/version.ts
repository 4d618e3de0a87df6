import { readFileSync } from "node:fs";

let known: string | undefined;

/** This program's version, from its package.json: two directories up from the sources and from the compiled files alike. */
export function cloudimgVersion(): string {
  if (known === undefined) {
    const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    known = (JSON.parse(text) as { version: string }).version;
  }
  return known;
}
