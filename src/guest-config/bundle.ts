import { hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readIfThere, writeCached } from "../core/cache.ts";
import type { Context } from "../core/context.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const entry = join(here, "initializer", "main.ts");
/** Where write-bundle.ts puts it when the package is made; the package has no sources. */
const published = fileURLToPath(new URL("../cloudimg-init.js", import.meta.url));
/** Part of the cache's key: raise it when the options below change. */
const recipe = 1;

/**
 * The initializer as one file for QuickJS. From sources it is bundled in this process (no child process, so it also works under Node's permission model) and cached by
 * what it is made of, since loading the bundler takes longer than all the rest of a build that has nothing to do.
 */
export async function initializerBundle(context: Pick<Context, "directories" | "signal">): Promise<string> {
  if (!existsSync(entry)) return await readFile(published, { encoding: "utf8", signal: context.signal });
  const path = join(context.directories.cache, "initializer", `${sourcesDigest()}.js`);
  const cached = await readIfThere(path, context.signal);
  if (cached !== undefined) return cached.toString();
  const text = await bundleInitializer();
  await writeCached(path, context, [Buffer.from(text)]);
  return text;
}

const outputOptions = {
  minify: true,
  paths: { "qjs:std": "std", "qjs:os": "os" },
  // The kernel starts the interpreter from here: a launching shell would cost a few milliseconds more. A module (m) without debugging
  // information (s), which makes reading it a seventh faster.
  banner: "#!/usr/bin/qjs -sm",
};

/** Bundles the sources; needs the development dependency rolldown. The same sources give the same text. */
export async function bundleInitializer(): Promise<string> {
  return await bundleForQuickjs(entry);
}

/** Any module of ours as one file for QuickJS. */
export async function bundleForQuickjs(input: string): Promise<string> {
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input,
    external: ["qjs:std", "qjs:os"],
    platform: "neutral",
    transform: { target: "es2023" },
    treeshake: true,
    logLevel: "silent",
  });
  try {
    const { output } = await build.generate({ format: "esm", ...outputOptions });
    if (output.length !== 1) throw new Error(`the initializer became ${output.length} files`);
    return output[0].code;
  } finally {
    await build.close();
  }
}

function sourcesDigest(): string {
  const files = readdirSync(here, { recursive: true, encoding: "utf8" }).filter((name) => /\.ts$/.test(name));
  const parts = files.sort().map((name) => `${name}\n${hash("sha256", readFileSync(join(here, name)))}`);
  return hash("sha256", [`recipe ${recipe}`, rolldownVersion(), ...parts].join("\n"));
}

function rolldownVersion(): string {
  const manifest = fileURLToPath(new URL("../../node_modules/rolldown/package.json", import.meta.url));
  return existsSync(manifest) ? (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version : "";
}
