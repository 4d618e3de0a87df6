import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";

/** `from "./x.ts"`, `import "./x.ts"`, `import("./x.ts")`: modules that lie beside the one that names them. */
const localImport = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g;

/**
 * SHA-256 over a module and all that it imports by a relative path, with their places relative to it. A module that cannot be read counts as an empty one: whoever runs it
 * says so.
 */
export function hookDigest(modulePath: string): string {
  const texts = new Map<string, string>();
  const visit = (path: string) => {
    if (texts.has(path)) return;
    const text = readText(path);
    texts.set(path, text);
    for (const [, specifier = ""] of text.matchAll(localImport)) visit(resolve(dirname(path), specifier));
  };
  visit(modulePath);
  const places = [...texts].map(([path, text]) => [relative(dirname(modulePath), path).replaceAll("\\", "/"), text]);
  return hash("sha256", JSON.stringify(places.sort()));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
