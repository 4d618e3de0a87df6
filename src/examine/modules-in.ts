import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { xzDecompress } from "../build/filesystems/squashfs-xz.ts";
import type { ByteSource } from "../core/byte-source.ts";
import { readAll } from "../core/byte-source.ts";
import { CloudimgError } from "../core/errors.ts";
import type { Tree } from "../core/tree.ts";
import { readText } from "./owners.ts";

/** Where a driver is: in the kernel itself, among the initrd's modules, among the system's only, or nowhere. */
export type DriverPlace = "built in" | "initrd" | "system" | "nowhere" | "unknown";

/** Of one initrd, unpacked. Somebody may have made it to be much larger than it looks. */
const longestInitrdBytes = 256 * 1024 * 1024;
const mostInitrds = 16;

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
  const found = initrds.slice(0, mostInitrds).map(modulesOfInitrd);
  const inInitrd = (name: string) => found.some((names) => names?.has(name) === true);
  const unreadable = found.length === 0 || found.includes(undefined);
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

/** The modules in an initrd; undefined if a part of it cannot be unpacked. Archives follow each other, padded with zeros. */
function modulesOfInitrd(content: ByteSource): Set<string> | undefined {
  if (content.sizeBytes > longestInitrdBytes) return undefined;
  const names = new Set<string>();
  let rest: Buffer;
  try {
    rest = Buffer.from(readAll(content));
  } catch (error) {
    if (error instanceof CloudimgError) return undefined;
    throw error;
  }
  for (;;) {
    const start = rest.findIndex((byte) => byte !== 0);
    if (start < 0) return names;
    rest = rest.subarray(start);
    if (rest.toString("latin1", 0, 5) !== "07070") {
      const unpacked = unpack(rest);
      if (unpacked === undefined) return undefined;
      addModules(unpacked, names);
      return names;
    }
    const end = rest.indexOf("TRAILER!!!");
    addModules(end < 0 ? rest : rest.subarray(0, end), names);
    if (end < 0) return names;
    rest = rest.subarray(end + "TRAILER!!!".length);
  }
}

/** Module names are at most 56 bytes (MODULE_NAME_LEN). */
const longestNameBytes = 64;

/** Every `/NAME.ko` in an archive: names lie in it as text. */
function addModules(archive: Buffer, names: Set<string>): void {
  for (let at = archive.indexOf(".ko"); at >= 0; at = archive.indexOf(".ko", at + 1)) {
    const before = archive.toString("latin1", Math.max(0, at - longestNameBytes), at);
    const slash = before.lastIndexOf("/");
    if (slash >= 0) names.add(nameOf(before.slice(slash)));
  }
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
