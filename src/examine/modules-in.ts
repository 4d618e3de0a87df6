import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { xzDecompress } from "../build/filesystems/squashfs-xz.ts";
import type { ByteSource } from "../core/byte-source.ts";
import { readAll } from "../core/byte-source.ts";
import { CloudimgError } from "../core/errors.ts";
import type { Tree } from "../core/tree.ts";
import { readText } from "./owners.ts";

/** Where a driver is: in the kernel itself, among the initrd's modules, among the system's only, or nowhere. */
export type DriverPlace = "built in" | "initrd" | "system" | "nowhere" | "unknown";

const longestInitrdBytes = 512 * 1024 * 1024;

/** What can be told of the drivers of one kernel version. */
export interface Drivers {
  place(name: string): DriverPlace;
}

/**
 * The drivers of an image: by modules.builtin, the modules' names, and the names in the initrds.
 *
 * @param initrds contents; the names in each are looked for
 */
export function driversIn(tree: Tree, initrds: readonly ByteSource[]): Drivers {
  const directory = ["/usr/lib/modules", "/lib/modules"].find(
    (path) => tree.list(tree.resolve(path) ?? path).length > 0,
  );
  const base = directory === undefined ? undefined : (tree.resolve(directory) ?? directory);
  const versions = base === undefined ? [] : tree.list(base);
  const builtIn = new Set<string>();
  for (const version of versions)
    for (const line of (readText(tree, `${base}/${version}/modules.builtin`, 4 * 1024 * 1024) ?? "").split("\n"))
      builtIn.add(nameOf(line));
  const inSystem = new Set<string>();
  for (const [path] of tree.entries())
    if (base !== undefined && path.startsWith(`${base}/`) && path.includes(".ko")) inSystem.add(nameOf(path));
  const texts = initrds.map(unpackInitrd);
  const inInitrd = (name: string) =>
    texts.some((text) => text?.some((part) => modulePattern(name).test(part)) === true);
  const unreadable = texts.length === 0 || texts.some((text) => text === undefined);
  return {
    place(name) {
      if (builtIn.has(name)) return "built in";
      if (inInitrd(name)) return "initrd";
      if (base === undefined) return "unknown";
      if (inSystem.has(name)) return unreadable ? "unknown" : "system";
      return "nowhere";
    },
  };
}

function nameOf(path: string): string {
  return (path.split("/").at(-1) as string).replace(/\.ko(\..*)?$/, "").replaceAll("-", "_");
}

function modulePattern(name: string): RegExp {
  return new RegExp(`/${name.replaceAll("_", "[_-]")}\\.ko`);
}

/** The parts of an initrd, unpacked, as text for searching; undefined if one cannot be unpacked. Archives follow each other, padded with zeros. */
function unpackInitrd(content: ByteSource): string[] | undefined {
  if (content.sizeBytes > longestInitrdBytes) return undefined;
  let rest: Buffer;
  try {
    rest = Buffer.from(readAll(content));
  } catch (error) {
    if (error instanceof CloudimgError) return undefined;
    throw error;
  }
  const parts: string[] = [];
  while (rest.length > 0) {
    const start = rest.findIndex((byte) => byte !== 0);
    if (start < 0) break;
    rest = rest.subarray(start);
    if (rest.toString("latin1", 0, 5) !== "07070") {
      const unpacked = unpack(rest);
      return unpacked === undefined ? undefined : [...parts, unpacked.toString("latin1")];
    }
    const end = rest.indexOf("TRAILER!!!");
    const archive = end < 0 ? rest : rest.subarray(0, end);
    parts.push(archive.toString("latin1"));
    rest = end < 0 ? Buffer.alloc(0) : rest.subarray(end + "TRAILER!!!".length);
  }
  return parts;
}

function unpack(bytes: Buffer): Buffer | undefined {
  const maxOutputLength = longestInitrdBytes;
  try {
    const magic = bytes.toString("latin1", 0, 4);
    if (magic === "\x28\xb5\x2f\xfd") return zstdDecompressSync(bytes, { maxOutputLength });
    if (magic.startsWith("\x1f\x8b")) return gunzipSync(bytes, { maxOutputLength });
    if (magic === "\xfd7zX") return Buffer.from(xzDecompress(bytes, longestInitrdBytes));
    return undefined;
  } catch {
    return undefined;
  }
}
