import { CloudimgError } from "../core/errors.ts";
import { imageManifestPath, parseImageManifest } from "../core/image-manifest.ts";
import type { Node, Tree } from "../core/tree.ts";
import { readText } from "./owners.ts";
import { dataBytesOf } from "./sizes.ts";

export interface PackageSize {
  readonly name: string;
  readonly version: string;
  /** Bytes of its files that are in the image. */
  readonly sizeBytes: number;
  readonly files: number;
}

/** What a package manager, or our own manifest, says was installed. */
export interface PackageFacts {
  readonly source: "dpkg" | "apk" | "pacman" | "rpm" | "manifest";
  /** Largest first. Empty for rpm, whose database we do not read. */
  readonly packages: readonly PackageSize[];
  /** What no package owns: generated files, data, caches. */
  readonly unowned: { readonly sizeBytes: number; readonly files: number };
}

interface Installed {
  readonly name: string;
  readonly version: string;
  /** Absolute, as the package has them: not usr-merged. */
  readonly paths: readonly string[];
}

/** Undefined if no list of packages is known. */
export function readPackages(tree: Tree): PackageFacts | undefined {
  const readers = [
    ["manifest", readManifest] as const,
    ["dpkg", readDpkg] as const,
    ["apk", readApk] as const,
    ["pacman", readPacman] as const,
  ];
  for (const [source, read] of readers) {
    const installed = read(tree);
    if (installed.length > 0) return { source, ...measure(tree, installed) };
  }
  const isRpm = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"].some(
    (path) => tree.list(tree.resolve(path) ?? path).length > 0,
  );
  return isRpm ? { source: "rpm", ...measure(tree, []) } : undefined;
}

/** Gives every file to the first package that has one of its paths. */
function measure(tree: Tree, installed: readonly Installed[]): Pick<PackageFacts, "packages" | "unowned"> {
  const real = realPaths(tree);
  const ownerOf = new Map<string, number>();
  for (const [index, { paths }] of installed.entries())
    for (const path of paths) {
      const found = real(path);
      if (!ownerOf.has(found)) ownerOf.set(found, index);
    }
  const sizes = installed.map(({ name, version }) => ({ name, version, sizeBytes: 0, files: 0 }));
  const unowned = { sizeBytes: 0, files: 0 };
  const seen = new Set<Node>();
  for (const [path, node] of tree.entries()) {
    if (node.type === "directory" || seen.has(node)) continue;
    seen.add(node);
    const size = sizes[ownerOf.get(path) ?? -1] ?? unowned;
    size.sizeBytes += dataBytesOf(node);
    size.files++;
  }
  return { packages: sizes.sort((a, b) => b.sizeBytes - a.sizeBytes || (a.name < b.name ? -1 : 1)), unowned };
}

/** Where a path of a package really lies: `/bin/ls` is `/usr/bin/ls` where `/bin` is a link. */
function realPaths(tree: Tree): (path: string) => string {
  const known = new Map<string, string>();
  return (path) => {
    const slash = path.lastIndexOf("/");
    const parent = path.slice(0, slash) || "/";
    let real = known.get(parent);
    if (real === undefined) {
      real = tree.resolve(parent) ?? parent;
      known.set(parent, real);
    }
    return `${real === "/" ? "" : real}${path.slice(slash)}`;
  };
}

/** Images of cloudimg's own list what came from which package. */
function readManifest(tree: Tree): Installed[] {
  const text = readText(tree, imageManifestPath, 256 * 1024 * 1024);
  if (text === undefined) return [];
  try {
    const { packages, paths } = parseImageManifest(text);
    const byOrigin = new Map<string, string[]>();
    for (const { path, origin, type } of paths) {
      if (type === "directory") continue;
      const list = byOrigin.get(origin) ?? [];
      byOrigin.set(origin, list);
      list.push(path);
    }
    return packages
      .map(({ name, version }) => ({ name, version, paths: byOrigin.get(`package ${name}`) ?? [] }))
      .filter(({ paths: { length } }) => length > 0);
  } catch (error) {
    if (error instanceof CloudimgError) return [];
    throw error;
  }
}

/** deb-substvars' fields of `/var/lib/dpkg/status`, and of its pieces in images without dpkg itself; lists beside it. */
function readDpkg(tree: Tree): Installed[] {
  const directory = "/var/lib/dpkg";
  const texts = [
    readText(tree, `${directory}/status`, 64 * 1024 * 1024),
    ...tree
      .list(`${directory}/status.d`)
      .filter((name) => !name.endsWith(".md5sums"))
      .map((name) => readText(tree, `${directory}/status.d/${name}`)),
  ];
  return texts.flatMap((text) =>
    stanzas(text).flatMap((fields) => {
      const { Package: name, Version: version = "", Architecture: arch, Status: status } = fields;
      if (name === undefined || (status !== undefined && !status.endsWith(" installed"))) return [];
      const list =
        readText(tree, `${directory}/info/${name}.list`) ?? readText(tree, `${directory}/info/${name}:${arch}.list`);
      const sums = list === undefined ? readText(tree, `${directory}/status.d/${name}.md5sums`) : undefined;
      const paths = list?.split("\n") ?? sums?.split("\n").map((line) => line.replace(/^\S+\s+\/?/, "/")) ?? [];
      return [{ name, version, paths: paths.filter((path) => path.startsWith("/")) }];
    }),
  );
}

/** apk-tools' `installed`: one letter, a colon, a value; `F:` begins a directory, `R:` names a file in it. */
function readApk(tree: Tree): Installed[] {
  const text =
    readText(tree, "/lib/apk/db/installed", 64 * 1024 * 1024) ?? readText(tree, "/usr/lib/apk/db/installed") ?? "";
  return text.split("\n\n").flatMap((record) => {
    let [name, version, directory] = ["", "", ""];
    const paths: string[] = [];
    for (const line of record.split("\n")) {
      const value = line.slice(2);
      if (line.startsWith("P:")) name = value;
      else if (line.startsWith("V:")) version = value;
      else if (line.startsWith("F:")) directory = value === "" ? "" : `/${value}`;
      else if (line.startsWith("R:")) paths.push(`${directory}/${value}`);
    }
    return name === "" ? [] : [{ name, version, paths }];
  });
}

/** pacman's local database: a directory for each package with `desc` and `files`, values below `%NAME%`. */
function readPacman(tree: Tree): Installed[] {
  const directory = "/var/lib/pacman/local";
  return tree.list(directory).flatMap((entry) => {
    const section = (text: string | undefined, key: string) =>
      new RegExp(`^%${key}%\\n((?:.+\\n?)*)`, "m").exec(text ?? "")?.[1]?.trimEnd();
    const desc = readText(tree, `${directory}/${entry}/desc`);
    const name = section(desc, "NAME");
    if (name === undefined) return [];
    const files = section(readText(tree, `${directory}/${entry}/files`), "FILES")?.split("\n") ?? [];
    return [{ name, version: section(desc, "VERSION") ?? "", paths: files.map((path) => `/${path}`) }];
  });
}

/** Paragraphs of `Key: value`; continued lines are left out. */
function stanzas(text: string | undefined): Record<string, string>[] {
  return (text ?? "")
    .split(/\n{2,}/)
    .map((paragraph) =>
      Object.fromEntries([...paragraph.matchAll(/^([A-Za-z-]+):[ \t]*(.*)$/gm)].map(([, key, value]) => [key, value])),
    );
}
