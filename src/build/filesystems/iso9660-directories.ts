import type { ByteSource } from "../../core/byte-source.ts";
import type { Node, Tree } from "../../core/tree.ts";
import { encodeRecord, longestRecordBytes, recordHeadBytes, sectorBytes } from "./iso9660-format.ts";
import { type IsoIdentifier, mapNames, type NameRules } from "./iso9660-names.ts";
import type { SystemUse } from "./iso9660-rock-ridge.ts";

/** One path of the tree that goes on the disc. */
export interface IsoNode {
  readonly path: string;
  readonly name: string;
  readonly node: Node;
  readonly isDirectory: boolean;
  readonly children: readonly IsoNode[];
  /** Hard links of a file; entries that lead to a directory. */
  readonly linkCount: number;
}

/** Children in the order of their names' bytes. */
export function readTree(tree: Tree): IsoNode {
  const links = new Map<Node, number>();
  for (const [, node] of tree.entries()) links.set(node, (links.get(node) ?? 0) + 1);
  const read = (path: string, name: string): IsoNode => {
    const node = tree.get(path) as Node;
    const isDirectory = node.type === "directory";
    const children = isDirectory
      ? tree.list(path).map((child) => read(path === "/" ? `/${child}` : `${path}/${child}`, child))
      : [];
    const subdirectories = children.filter((child) => child.isDirectory).length;
    return {
      path,
      name,
      node,
      isDirectory,
      children,
      linkCount: isDirectory ? 2 + subdirectories : (links.get(node) ?? 1),
    };
  };
  return read("/", "");
}

/** What each record carries behind its identifier; undefined for trees without. */
export interface SystemUsePlanner {
  own(directory: IsoNode, roomBytes: number): SystemUse;
  parent(directory: IsoNode, roomBytes: number): SystemUse;
  named(entry: IsoNode, roomBytes: number): SystemUse;
}

interface PlannedRecord {
  readonly target: IsoNode;
  readonly identifier: Uint8Array;
  readonly systemUse: SystemUse | undefined;
}

interface PlannedDirectory {
  readonly source: IsoNode;
  readonly identifier: Uint8Array;
  /** Counts from 1, in the order of the path table. */
  readonly number: number;
  readonly parentNumber: number;
  readonly records: readonly PlannedRecord[];
  readonly sizeBytes: number;
  startSector: number;
}

interface QueuedDirectory extends Pick<PlannedDirectory, "source" | "identifier" | "parentNumber"> {
  readonly above: IsoNode;
}

const self = Uint8Array.of(0);
const parent = Uint8Array.of(1);

/** One of the disc's two directory trees: plain names with Rock Ridge, or Joliet's. */
export class DirectoryTree {
  readonly #directories: readonly PlannedDirectory[];
  readonly #bySource = new Map<IsoNode, PlannedDirectory>();
  readonly pathTableBytes: number;

  constructor(root: IsoNode, rules: NameRules, systemUse: SystemUsePlanner | undefined) {
    this.#directories = planDirectories(root, rules, systemUse);
    for (const directory of this.#directories) this.#bySource.set(directory.source, directory);
    this.pathTableBytes = this.#directories.reduce((sum, { identifier }) => sum + pathRecordBytes(identifier), 0);
  }

  /** Gives the directories their sectors, from `startSector` on; returns the first one behind them. */
  placeAt(startSector: number): number {
    let sector = startSector;
    for (const directory of this.#directories) {
      directory.startSector = sector;
      sector += directory.sizeBytes / sectorBytes;
    }
    return sector;
  }

  rootRecord(): Uint8Array {
    const root = this.#directories[0] as PlannedDirectory;
    return encodeRecord({ ...this.#extentOf(root.source, new Map()), identifier: self });
  }

  /** ECMA-119 section 9.4, in one of its two byte orders. */
  pathTable(littleEndian: boolean): Uint8Array {
    const table = new Uint8Array(this.pathTableBytes);
    const view = new DataView(table.buffer);
    let at = 0;
    for (const { identifier, startSector, parentNumber } of this.#directories) {
      table[at] = identifier.length;
      view.setUint32(at + 2, startSector, littleEndian);
      view.setUint16(at + 6, parentNumber, littleEndian);
      table.set(identifier, at + 8);
      at += pathRecordBytes(identifier);
    }
    return table;
  }

  /** All directories, one behind the other, as they were placed. */
  encode(fileSectors: ReadonlyMap<ByteSource, number>): Uint8Array {
    return Buffer.concat(
      this.#directories.map((directory) => {
        const bytes = new Uint8Array(directory.sizeBytes);
        let at = 0;
        for (const { target, identifier, systemUse } of directory.records) {
          const extent = this.#extentOf(target, fileSectors);
          const record = encodeRecord({ ...extent, identifier, systemUse: systemUse?.encode() });
          at = placeRecord(at, record.length);
          bytes.set(record, at);
          at += record.length;
        }
        return bytes;
      }),
    );
  }

  #extentOf(target: IsoNode, fileSectors: ReadonlyMap<ByteSource, number>) {
    const { node, isDirectory } = target;
    const { mtime } = node;
    const directory = this.#bySource.get(target);
    if (directory !== undefined)
      return { extentSector: directory.startSector, dataBytes: directory.sizeBytes, mtime, isDirectory };
    const content = node.type === "file" ? node.content : undefined;
    const extentSector = content === undefined ? 0 : (fileSectors.get(content) ?? 0);
    return { extentSector, dataBytes: content?.sizeBytes ?? 0, mtime, isDirectory };
  }
}

/** Level by level, in each by the parent's number and then by identifier: the order that path tables must have. */
function planDirectories(
  root: IsoNode,
  rules: NameRules,
  systemUse: SystemUsePlanner | undefined,
): readonly PlannedDirectory[] {
  const directories: PlannedDirectory[] = [];
  const queue: QueuedDirectory[] = [{ source: root, identifier: self, parentNumber: 1, above: root }];
  for (const { source, identifier, parentNumber, above } of queue) {
    const number = directories.length + 1;
    const names = mapNames(source.children, rules);
    const children = source.children
      .map((child) => ({ child, id: names.get(child) as IsoIdentifier }))
      .sort((a, b) => Buffer.compare(a.id.order, b.id.order));
    const room = (bytes: Uint8Array) => longestRecordBytes - recordHeadBytes(bytes.length);
    const records: PlannedRecord[] = [
      { target: source, identifier: self, systemUse: systemUse?.own(source, room(self)) },
      { target: above, identifier: parent, systemUse: systemUse?.parent(above, room(parent)) },
      ...children.map(({ child, id }) => ({
        target: child,
        identifier: id.bytes,
        systemUse: systemUse?.named(child, room(id.bytes)),
      })),
    ];
    const sizeBytes = Math.ceil(records.reduce(endOfRecord, 0) / sectorBytes) * sectorBytes;
    directories.push({ source, identifier, number, parentNumber, records, sizeBytes, startSector: 0 });
    for (const { child, id } of children)
      if (child.isDirectory) queue.push({ source: child, identifier: id.bytes, parentNumber: number, above: source });
  }
  return directories;
}

function endOfRecord(at: number, { identifier, systemUse }: PlannedRecord): number {
  const bytes = recordHeadBytes(identifier.length) + (systemUse?.lengthBytes ?? 0);
  const length = bytes + (bytes % 2);
  return placeRecord(at, length) + length;
}

/** ECMA-119 section 6.8.1.1: a record lies in one sector; what it leaves of the one before is zero. */
function placeRecord(at: number, length: number): number {
  return (at % sectorBytes) + length > sectorBytes ? at + sectorBytes - (at % sectorBytes) : at;
}

function pathRecordBytes(identifier: Uint8Array): number {
  return 8 + identifier.length + (identifier.length % 2);
}
