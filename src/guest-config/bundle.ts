import { hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readIfThere, writeCached } from "../core/cache.ts";
import type { Context } from "../core/context.ts";
import { gzip } from "../core/gzip.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const entry = join(here, "initializer", "main.ts");
const partsDirectory = join(here, "parts");
/** Where write-bundle.ts puts it when the package is made; the package has no sources. */
const published = fileURLToPath(new URL("../guest", import.meta.url));
/** Part of the cache's key: raise it when the options below change. */
const recipe = 3;

/**
 * Scripts of the guest by file name: `cloudimg-init.js`, which is started, and those that it loads when it needs them. What few boots need is compressed
 * (`yaml.js.gz`).
 */
export type Bundle = Readonly<Record<string, Uint8Array>>;

/** Needed in every boot, or by users that may write nowhere. */
const plainParts = ["system.ts", "verbs.ts"];

/**
 * The initializer for QuickJS. From sources it is bundled in this process (no child process, so it also works under Node's permission model) and cached by
 * what it is made of, since loading the bundler takes longer than all the rest of a build that has nothing to do.
 */
export async function initializerBundle(context: Pick<Context, "directories" | "signal">): Promise<Bundle> {
  if (!existsSync(entry)) return await readPublished(context.signal);
  const path = join(context.directories.cache, "initializer", `${sourcesDigest()}.json`);
  const cached = await readIfThere(path, context.signal);
  if (cached !== undefined) {
    const entries = Object.entries(JSON.parse(cached.toString()) as Record<string, string>);
    return Object.fromEntries(entries.map(([name, base64]) => [name, Buffer.from(base64, "base64")]));
  }
  const bundle = await bundleInitializer();
  const entries = Object.entries(bundle).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]);
  await writeCached(path, context, [Buffer.from(JSON.stringify(Object.fromEntries(entries)))]);
  return bundle;
}

async function readPublished(signal: AbortSignal): Promise<Bundle> {
  const names = readdirSync(published).filter((name) => /\.js(\.gz)?$/.test(name));
  const read = async (name: string) => [name, await readFile(join(published, name), { signal })] as const;
  return Object.fromEntries(await Promise.all(names.sort().map(read)));
}

const commonOptions = { minify: true } as const;
const programOptions = {
  ...commonOptions,
  format: "esm",
  paths: { "qjs:std": "std", "qjs:os": "os" },
  // The kernel starts the interpreter from here: a launching shell would cost a few milliseconds more. A module (m) without debugging
  // information (s), which makes reading it a seventh faster.
  banner: "#!/usr/bin/qjs -sm",
} as const;

/** Bundles the sources; needs the development dependency rolldown. The same sources give the same text. */
export async function bundleInitializer(): Promise<Bundle> {
  const bundle: Record<string, Uint8Array> = { "cloudimg-init.js": Buffer.from(await bundleForQuickjs(entry)) };
  for (const name of readdirSync(partsDirectory).sort()) {
    const text = Buffer.from(await bundlePart(join(partsDirectory, name)));
    const script = name.replace(/ts$/, "js");
    if (plainParts.includes(name)) bundle[script] = text;
    else bundle[`${script}.gz`] = gzip(text);
  }
  return bundle;
}

/** Any module of ours as one file for QuickJS. */
export async function bundleForQuickjs(input: string): Promise<string> {
  return await generate(input, programOptions);
}

/** A file of `parts` as a script that puts its exports into one global object: `std.loadScript` reads it, at once and from any place. */
async function bundlePart(input: string): Promise<string> {
  return await generate(input, { ...commonOptions, format: "iife", name: partVariable(input) });
}

/** Of the file `user-data.ts`: `cloudimg_user_data`. */
function partVariable(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  return `cloudimg_${name.replace(/\.ts$/, "").replaceAll("-", "_")}`;
}

async function generate(
  input: string,
  options: typeof programOptions | { minify: true; format: "iife"; name: string },
): Promise<string> {
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input,
    external: ["qjs:std", "qjs:os"],
    platform: "neutral",
    resolve: { mainFields: ["module", "main"] },
    transform: { target: "es2023" },
    treeshake: { manualPureFunctions: ["defineScalarTag", "defineSequenceTag", "defineMappingTag"] },
    plugins: [{ name: "unused-schemas", transform: withPureSchemas }],
    logLevel: "silent",
  });
  try {
    const { output } = await build.generate(options);
    if (output.length !== 1) throw new Error(`${input} became ${output.length} files`);
    return output[0].code;
  } finally {
    await build.close();
  }
}

/** js-yaml makes all its schemas when it is loaded. We have our own, so theirs and what belongs to them alone is left out. */
function withPureSchemas(code: string, id: string): string | undefined {
  if (!id.includes("js-yaml")) return undefined;
  return code.replace(
    /(?<=^var \w+ = )(new Schema\(|\w+\.withTags\().*?^[}\]]\)(?=;$)/gms,
    "/* @__PURE__ */ (() => $&)()",
  );
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
