import type { FileNode, Node, Tree } from "../../core/tree.ts";
import {
  encodeRecord,
  largestExtentBytes,
  longestRecordBytes,
  recordHeadBytes,
  sectorBytes,
} from "./iso9660-format.ts";
import { type IsoIdentifier, mapNames, type NameRules } from "./iso9660-names.ts";
import { ContinuationArea, type SystemUse } from "./iso9660-rock-ridge.ts";

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

/** The system use entries that each record carries behind its identifier. */
export interface SystemUseEntries {
  own(directory: IsoNode): readonly Uint8Array[];
  parent(directory: IsoNode): readonly Uint8Array[];
  named(entry: IsoNode): readonly Uint8Array[];
}

interface PlannedRecord {
  readonly target: IsoNode;
  /** Which of its extents, for files that take several. */
  readonly part: number;
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
  /** Right behind the directory: readers that cannot seek, as libarchive, look for it nowhere else. */
  readonly continuation: ContinuationArea;
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

  constructor(root: IsoNode, rules: NameRules, systemUse: SystemUseEntries | undefined) {
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
      directory.continuation.placeAt(sector);
      sector += directory.continuation.sectorCount;
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
  encode(fileSectors: ReadonlyMap<FileNode, number>): Uint8Array {
    return Buffer.concat(
      this.#directories.flatMap((directory) => {
        const bytes = new Uint8Array(directory.sizeBytes);
        let at = 0;
        for (const { target, part, identifier, systemUse } of directory.records) {
          const extent = this.#extentOf(target, fileSectors, part);
          const record = encodeRecord({ ...extent, identifier, systemUse: systemUse?.encode() });
          at = placeRecord(at, record.length);
          bytes.set(record, at);
          at += record.length;
        }
        return [bytes, directory.continuation.encode()];
      }),
    );
  }

  #extentOf(target: IsoNode, fileSectors: ReadonlyMap<FileNode, number>, part = 0) {
    const { node, isDirectory } = target;
    const { mtime } = node;
    const directory = this.#bySource.get(target);
    if (directory !== undefined)
      return { extentSector: directory.startSector, dataBytes: directory.sizeBytes, mtime, isDirectory };
    if (node.type !== "file") return { extentSector: 0, dataBytes: 0, mtime, isDirectory };
    const beforeBytes = part * largestExtentBytes;
    const leftBytes = node.content.sizeBytes - beforeBytes;
    return {
      extentSector: leftBytes === 0 ? 0 : (fileSectors.get(node) as number) + beforeBytes / sectorBytes,
      dataBytes: Math.min(leftBytes, largestExtentBytes),
      ...{ mtime, isDirectory, isContinued: leftBytes > largestExtentBytes },
    };
  }
}

/** Level by level, in each by the parent's number and then by identifier: the order that path tables must have. */
function planDirectories(
  root: IsoNode,
  rules: NameRules,
  systemUse: SystemUseEntries | undefined,
): readonly PlannedDirectory[] {
  const directories: PlannedDirectory[] = [];
  const queue: QueuedDirectory[] = [{ source: root, identifier: self, parentNumber: 1, above: root }];
  for (const { source, identifier, parentNumber, above } of queue) {
    const number = directories.length + 1;
    const names = mapNames(source.children, rules);
    const children = source.children
      .map((child) => ({ child, id: names.get(child) as IsoIdentifier }))
      .sort((a, b) => Buffer.compare(a.id.order, b.id.order));
    const continuation = new ContinuationArea();
    const record = (target: IsoNode, bytes: Uint8Array, entries: readonly Uint8Array[] | undefined): PlannedRecord => {
      const roomBytes = longestRecordBytes - recordHeadBytes(bytes.length);
      return { target, part: 0, identifier: bytes, systemUse: entries && continuation.plan(entries, roomBytes) };
    };
    const records = [
      record(source, self, systemUse?.own(source)),
      record(above, parent, systemUse?.parent(above)),
      ...children.flatMap(({ child, id }) => partsOf(record(child, id.bytes, systemUse?.named(child)))),
    ];
    const sizeBytes = Math.ceil(records.reduce(endOfRecord, 0) / sectorBytes) * sectorBytes;
    directories.push({ source, identifier, number, parentNumber, records, sizeBytes, continuation, startSector: 0 });
    for (const { child, id } of children)
      if (child.isDirectory) queue.push({ source: child, identifier: id.bytes, parentNumber: number, above: source });
  }
  return directories;
}

/** One record for each extent of a file; they share what Rock Ridge says. */
function partsOf(record: PlannedRecord): PlannedRecord[] {
  const { node } = record.target;
  const sizeBytes = node.type === "file" ? node.content.sizeBytes : 0;
  const parts = Math.max(1, Math.ceil(sizeBytes / largestExtentBytes));
  return Array.from({ length: parts }, (_, part) => ({ ...record, part }));
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
