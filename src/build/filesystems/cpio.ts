import { type ByteSource, bytesSource, composeSource, emptySource, type Piece } from "../../core/byte-source.ts";
import { CloudimgError, type Problem } from "../../core/errors.ts";
import { encodeName } from "../../core/names.ts";
import { fileTypeBits, type Node, type Tree } from "../../core/tree.ts";

/**
 * A tree as a cpio archive of the format "newc" (magic 070701), as the kernel unpacks it for an initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Inode numbers count from 1 in the order of the tree.
 *
 * Errors: `image/unsupported` with every node that the format cannot hold; it has no extended attributes, for one.
 */
export function cpioArchive(tree: Tree): ByteSource {
  const entries = numberEntries(tree);
  const problems = entries.flatMap(entryProblems);
  if (problems.length > 0) throw new CloudimgError(problems);

  const pieces: Piece[] = [];
  let atBytes = 0;
  const append = (source: ByteSource): void => {
    pieces.push({ offsetBytes: atBytes, source });
    atBytes = roundUp(atBytes + source.sizeBytes, fieldAlignment);
  };
  for (const entry of entries) {
    const content = contentOf(entry);
    append(bytesSource(encodeHeader(fieldsOf(entry, content.sizeBytes), entry.name)));
    append(content);
  }
  append(bytesSource(encodeHeader(trailerFields, trailerName)));
  return composeSource(roundUp(atBytes, archiveAlignment), pieces);
}

interface Entry {
  /** Without the leading slash; `.` for the root, as `find . | cpio -o` has it. */
  readonly name: Uint8Array;
  readonly path: string;
  readonly node: Node;
  readonly inode: number;
  readonly links: number;
  /** The last of a file's names carries its content; the others are empty. */
  readonly hasContent: boolean;
}

const fieldAlignment = 4;
/** What tape drives wanted and every cpio still writes; the kernel skips zeros between archives. */
const archiveAlignment = 512;
const maxNumber = 2 ** 32 - 1;
/** The kernel skips entries with longer names, and links with longer targets (PATH_MAX with the NUL). */
const maxPathBytes = 4095;

function numberEntries(tree: Tree): Entry[] {
  const all = [...tree.entries()];
  const linkCounts = new Map<Node, number>();
  const subdirectories = new Map<string, number>();
  for (const [path, node] of all) {
    if (mayHaveLinks(node)) linkCounts.set(node, (linkCounts.get(node) ?? 0) + 1);
    const parent = path.slice(0, path.lastIndexOf("/")) || "/";
    if (node.type === "directory" && path !== "/") subdirectories.set(parent, (subdirectories.get(parent) ?? 0) + 1);
  }
  const inodes = new Map<Node, number>();
  const seen = new Map<Node, number>();
  let nextInode = 1;
  return all.map(([path, node]) => {
    const links = linkCounts.get(node) ?? (node.type === "directory" ? 2 + (subdirectories.get(path) ?? 0) : 1);
    const known = mayHaveLinks(node) ? inodes.get(node) : undefined;
    const inode = known ?? nextInode++;
    if (mayHaveLinks(node)) inodes.set(node, inode);
    const nth = (seen.get(node) ?? 0) + 1;
    seen.set(node, nth);
    return { name: encodeName(path.slice(1) || "."), path, node, inode, links, hasContent: nth === links };
  });
}

/** The kernel makes hard links of everything but directories and symbolic links, which each need their target. */
function mayHaveLinks(node: Node): boolean {
  return node.type !== "directory" && node.type !== "symlink";
}

function contentOf({ node, hasContent }: Entry): ByteSource {
  if (node.type === "symlink") return bytesSource(encodeName(node.target));
  return node.type === "file" && hasContent ? node.content : emptySource;
}

/** What a header says beside the name, in its order. */
interface HeaderFields {
  readonly inode: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly time: number;
  readonly sizeBytes: number;
  readonly major: number;
  readonly minor: number;
}

const trailerName = encodeName("TRAILER!!!");
const trailerFields: HeaderFields = {
  inode: 0,
  mode: 0,
  uid: 0,
  gid: 0,
  links: 1,
  time: 0,
  sizeBytes: 0,
  major: 0,
  minor: 0,
};

function fieldsOf({ node, inode, links }: Entry, sizeBytes: number): HeaderFields {
  const { major, minor } =
    node.type === "character-device" || node.type === "block-device" ? node : { major: 0, minor: 0 };
  // A link's own permissions mean nothing and read 0777 everywhere.
  const mode = fileTypeBits[node.type] | (node.type === "symlink" ? 0o777 : node.mode);
  return { inode, mode, uid: node.uid, gid: node.gid, links, time: Math.floor(node.mtime), sizeBytes, major, minor };
}

function encodeHeader(fields: HeaderFields, name: Uint8Array): Uint8Array {
  const { inode, mode, uid, gid, links, time, sizeBytes, major, minor } = fields;
  // Behind the size come the device that the file was on, and its own numbers if it is one; at the end a checksum that newc leaves 0.
  const numbers = [inode, mode, uid, gid, links, time, sizeBytes, 0, 0, major, minor, name.length + 1, 0];
  const text = `070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`;
  const header = new Uint8Array(roundUp(text.length + name.length + 1, fieldAlignment));
  header.set(encodeName(text));
  header.set(name, text.length);
  return header;
}

function entryProblems({ path, name, node }: Entry): Problem[] {
  const reasons: string[] = [];
  const limit = (what: string, value: number, max = maxNumber): void => {
    if (!(value >= 0 && value <= max)) reasons.push(`its ${what} ${value} is not between 0 and ${max}`);
  };
  limit("user id", node.uid);
  limit("group id", node.gid);
  limit("time", node.mtime);
  limit("name's length", name.length, maxPathBytes);
  if (name.includes(0)) reasons.push("its name contains a NUL");
  if (node.type === "file") limit("size", node.content.sizeBytes);
  if (node.type === "symlink") {
    const target = encodeName(node.target);
    limit("target's length", target.length, maxPathBytes);
    if (target.length === 0 || target.includes(0)) reasons.push("its target is empty or contains a NUL");
  }
  if (node.xattrs?.size) reasons.push(`it has extended attributes (${[...node.xattrs.keys()].join(", ")})`);
  return reasons.map((reason) => ({
    code: "image/unsupported",
    message: `cannot put ${path} into a cpio archive: ${reason}`,
  }));
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
