import type { Node } from "../../core/tree.ts";

/** What the index of an unpacked archive says of a node, as JSON; in the order of the tree's walk. */
export interface IndexEntry {
  readonly path: string;
  readonly type: Node["type"];
  readonly mode: number;
  /** Absent for root. */
  readonly owner?: readonly [uid: number, gid: number];
  readonly mtime: number;
  /** The place in the index of the node that this is a further hard link to; then nothing else counts. */
  readonly link?: number;
  readonly target?: string;
  readonly device?: readonly [major: number, minor: number];
  readonly xattrs?: readonly (readonly [name: string, base64: string])[];
  /** Of files that are not empty. */
  readonly content?: IndexContent;
}

export interface IndexContent {
  readonly sizeBytes: number;
  /** From the start of the contents; the data of all extents, one after the other. */
  readonly atBytes: number;
  /** Of the data. */
  readonly crc32: number;
  /** Of the whole content, holes too. */
  readonly sha256: string;
  /** Offsets and lengths of the data, where there are holes. */
  readonly extents?: readonly (readonly [offsetBytes: number, lengthBytes: number])[];
}

export interface Index {
  /** Of all contents together. */
  readonly contentBytes: number;
  readonly entries: readonly IndexEntry[];
}
