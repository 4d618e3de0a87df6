import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareNames, decodeName } from "../../../src/core/names.ts";
import type { Node } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { fileDetail, lineOf, type TreeText } from "./tree-text.ts";

/** What e2fsprogs says about an image. Names and links are read as bytes. */
export async function checkExt4(image: string): Promise<void> {
  const { status, output } = await runOracle("e2fsck", ["-fn", image], "latin1");
  if (status !== 0) throw new Error(`e2fsck says ${status}:\n${output}`);
}

/** `dumpe2fs -h` as keys and values. */
export async function ext4Header(image: string): Promise<Record<string, string>> {
  const { status, output } = await runOracle("dumpe2fs", ["-h", image], "latin1");
  if (status !== 0) throw new Error(`dumpe2fs says ${status}:\n${output}`);
  return Object.fromEntries([...output.matchAll(/^([^:\n]+):[ \t]+(.*)$/gm)].map(([, key, value]) => [key, value]));
}

interface Found {
  readonly path: string;
  readonly inode: number;
}

/** The tree in an ext4 image as `debugfs` reads it. lost+found is left out. */
export async function textOfExt4(image: string, scratch: string): Promise<TreeText> {
  const found = await findAll(image);
  const inodes = [...new Set(found.map(({ inode }) => inode))];
  const stats = await debugfs(
    image,
    scratch,
    inodes.map((inode) => `stat <${inode}>`),
  );
  const facts = new Map(inodes.map((inode, index) => [inode, parseStat(stats[index] as string)]));
  const details = await readDetails(image, scratch, facts);
  const xattrs = await readXattrs(image, scratch, facts);
  const text: TreeText = {};
  const first = new Map<number, string>();
  for (const { path, inode } of found) {
    const known = first.get(inode);
    if (known === undefined) first.set(inode, path);
    const fact = facts.get(inode) as StatFacts;
    text[path] =
      known !== undefined
        ? `link ${known}`
        : lineOf({ ...fact, detail: details.get(inode) ?? "", xattrs: xattrs.get(inode) ?? new Map() });
  }
  return text;
}

/** Raw `stat` of a path or `<inode>`. */
export async function statExt4(image: string, scratch: string, what: string): Promise<string> {
  return (await debugfs(image, scratch, [`stat ${what}`]))[0] as string;
}

async function findAll(image: string): Promise<Found[]> {
  const all: Found[] = [{ path: "/", inode: 2 }];
  let level = all.slice();
  while (level.length > 0) {
    const listings = await debugfs(
      image,
      undefined,
      level.map(({ inode }) => `ls -p <${inode}>`),
    );
    const next: Found[] = [];
    for (const [index, listing] of listings.entries())
      for (const [, number, mode, rawName] of listing.matchAll(/^\/(\d+)\/(\d+)\/-?\d+\/-?\d+\/([^/]+)\/\d*\/$/gm)) {
        const name = decodeName(Buffer.from(rawName as string, "latin1"));
        if (name === "." || name === "..") continue;
        const parent = level[index]?.path as string;
        if (parent === "/" && name === "lost+found") continue;
        const entry = { path: `${parent === "/" ? "" : parent}/${name}`, inode: Number(number) };
        all.push(entry);
        if (mode?.startsWith("04")) next.push(entry);
      }
    level = next;
  }
  return all.sort((a, b) => comparePaths(a.path, b.path));
}

/** The order of Tree.entries: the parts of a path compared as bytes. */
function comparePaths(a: string, b: string): number {
  const [partsA, partsB] = [a.split("/"), b.split("/")];
  for (let index = 0; index < Math.min(partsA.length, partsB.length); index++) {
    const [partA, partB] = [partsA[index] as string, partsB[index] as string];
    if (partA !== partB) return compareNames(partA, partB);
  }
  return partsA.length - partsB.length;
}

interface StatFacts {
  readonly type: Node["type"];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly text: string;
}

const types: Record<string, Node["type"]> = {
  regular: "file",
  directory: "directory",
  symlink: "symlink",
  "character special": "character-device",
  "block special": "block-device",
  FIFO: "fifo",
  socket: "socket",
};

function parseStat(text: string): StatFacts {
  const match = (pattern: RegExp): string => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`no ${pattern} in:\n${text}`);
    return found;
  };
  const type = types[match(/Type: (.*?) +Mode:/)];
  if (type === undefined) throw new Error(`unknown type in:\n${text}`);
  const seconds = Number.parseInt(match(/ ?mtime: 0x([0-9a-f]{8})/), 16) | 0;
  // Inodes of 128 bytes have no such field.
  const extra = Number.parseInt(/ mtime: 0x[0-9a-f]{8}:([0-9a-f]{8})/.exec(text)?.[1] ?? "0", 16);
  return {
    type,
    mode: Number.parseInt(match(/Mode: +(\d+)/), 8),
    uid: Number(match(/User: +(-?\d+)/)) >>> 0,
    gid: Number(match(/Group: +(-?\d+)/)) >>> 0,
    mtime: seconds + (extra & 3) * 2 ** 32,
    text,
  };
}

async function readDetails(
  image: string,
  scratch: string,
  facts: ReadonlyMap<number, StatFacts>,
): Promise<Map<number, string>> {
  const directory = mkdtempSync(join(scratch, "dump-"));
  const dumpOf = (inode: number): string => join(directory, String(inode));
  const isFast = ({ text }: StatFacts): boolean => text.includes("Fast link dest:");
  const dumped = [...facts].filter(([, fact]) => fact.type === "file" || (fact.type === "symlink" && !isFast(fact)));
  await debugfs(
    image,
    scratch,
    dumped.map(([inode]) => `dump <${inode}> ${dumpOf(inode)}`),
  );
  const details = new Map<number, string>();
  for (const [inode, { type, text }] of facts) {
    // Of an empty file inside its inode, debugfs dumps the room for 60 bytes.
    const sizeBytes = Number(/ Size: (\d+)/.exec(text)?.[1]);
    if (type === "file") details.set(inode, fileDetail(readFileSync(dumpOf(inode)).subarray(0, sizeBytes)));
    const fast = /Fast link dest: "(.*)"$/ms.exec(text)?.[1];
    if (type === "symlink") {
      const target = fast === undefined ? readFileSync(dumpOf(inode)) : Buffer.from(fast, "latin1");
      details.set(inode, `-> ${decodeName(target)}`);
    }
    const numbers = /major\/minor number: (\d+):(\d+)/.exec(text);
    if (numbers) details.set(inode, `${Number(numbers[1])}:${Number(numbers[2])}`);
  }
  rmSync(directory, { recursive: true });
  return details;
}

async function readXattrs(
  image: string,
  scratch: string,
  facts: ReadonlyMap<number, StatFacts>,
): Promise<Map<number, Map<string, Uint8Array>>> {
  const wanted = [...facts].flatMap(([inode, { text }]) =>
    text.includes("Extended attributes:")
      ? [...text.matchAll(/^ {2}(\S+) \(\d+\)/gm)]
          .map(([, name]) => ({ inode, name: name as string }))
          // Where a file's content goes that lies in the inode.
          .filter(({ name }) => name !== "system.data")
      : [],
  );
  const values = await debugfs(
    image,
    scratch,
    wanted.map(({ inode, name }) => `ea_get -x <${inode}> ${name}`),
  );
  const found = new Map<number, Map<string, Uint8Array>>();
  for (const [index, { inode, name }] of wanted.entries()) {
    const hex = (/\) = ([0-9a-f ]*)/.exec(values[index] as string)?.[1] ?? "").replaceAll(" ", "");
    const ofInode = found.get(inode) ?? new Map<string, Uint8Array>();
    found.set(inode, ofInode);
    ofInode.set(name, Buffer.from(name.startsWith("system.posix_acl_") ? withUndefinedIds(hex) : hex, "hex"));
  }
  return found;
}

/** debugfs gives access control entries that name nobody the id 0; the kernel gives them -1. */
function withUndefinedIds(acl: string): string {
  return acl.slice(0, 8) + acl.slice(8).replaceAll(/(0100|0400|1000|2000)(.{4})00000000/g, "$1$2ffffffff");
}

/** Runs many commands in one debugfs; the answer to each, as bytes in latin1. */
async function debugfs(image: string, scratch: string | undefined, commands: readonly string[]): Promise<string[]> {
  if (commands.length === 0) return [];
  const script = `${scratch ?? `${image}.d`}${scratch ? "/commands" : "commands"}`;
  writeFileSync(script, `${commands.join("\n")}\n`);
  const { output } = await runOracle("debugfs", ["-f", script, image], "latin1");
  const answers = output.split(/^debugfs: .*\n/m).slice(1);
  if (answers.length !== commands.length)
    throw new Error(`debugfs gave ${answers.length} answers to ${commands.length} commands:\n${output.slice(0, 2000)}`);
  return answers;
}
