import type { ByteSource } from "../../core/byte-source.ts";
import { encodeName } from "../../core/names.ts";
import { type Node, Tree } from "../../core/tree.ts";
import { endOf, nodeOf } from "./iso9660-nodes.ts";
import { type IsoRecord, type IsoRecords, readRecords } from "./iso9660-records.ts";
import { type RockRidge, readRockRidge, sharingSkip } from "./iso9660-system-use.ts";
import type { ExtentPlace, IsoVolume } from "./iso9660-volume.ts";

/** By which of its names a disc was read. */
export type NameKind = "rock-ridge" | "joliet" | "plain";

export interface IsoTree {
  readonly tree: Tree;
  readonly names: NameKind;
  /** The path of the first file at a block, for telling what is booted. */
  readonly pathAt: ReadonlyMap<number, { path: string; sizeBytes: number }>;
  readonly problems: readonly string[];
}

/** PATH_MAX: nobody could open what is deeper. Bounds what rings of directories in a damaged image can cost. */
const longestPathBytes = 4096;
const noRock: RockRidge = {};

/** Rock Ridge's names if the disc has them, else Joliet's, else the plain ones. */
export function readTree(source: ByteSource, volume: IsoVolume): IsoTree {
  const { blockBytes } = volume;
  const problems: string[] = [];
  const directories = new DirectoryReader(source, blockBytes, problems);
  const plainRoot = directories.read("/", volume.root);
  const skip = skipOf(plainRoot, source, blockBytes);
  const names: NameKind = skip !== undefined ? "rock-ridge" : volume.jolietRoot ? "joliet" : "plain";
  const rockOf = (record: IsoRecord): RockRidge =>
    skip === undefined ? noRock : readRockRidge(record.systemUse.subarray(skip), source, blockBytes);
  const root = names === "joliet" && volume.jolietRoot ? directories.read("/", volume.jolietRoot) : plainRoot;

  const tree = new Tree({ origin: "iso9660", ...attributesOf(root.self, rockOf, source, blockBytes) });
  const pathAt = new Map<number, { path: string; sizeBytes: number }>();
  const linked = new Map<string, Node>();
  const pending: { path: string; read: () => IsoRecords }[] = [{ path: "/", read: () => root }];
  const movedFrom = new Set<string>();
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const { path: parent, read } = directory;
    for (const record of read().records) {
      const rock = rockOf(record);
      // Directories that were moved up are read where they belong.
      if (rock.isRelocated === true) {
        movedFrom.add(parent);
        continue;
      }
      const name = nameOf(record, rock, names);
      const path = `${parent === "/" ? "" : parent}/${name}`;
      const refusal = whyLeftOut(name, path, tree);
      if (refusal !== undefined) {
        problems.push(`${parent}: ${refusal}`);
        continue;
      }
      const place = rock.childBlock === undefined ? undefined : directories.placeOf(rock.childBlock);
      const isDirectory = record.isDirectory || place !== undefined;
      if (isDirectory) {
        const records = directories.read(path, place ?? (record.extents[0] as ExtentPlace));
        const self = place === undefined ? undefined : records.self;
        tree.set(path, nodeOf(path, self ?? record, self ? rockOf(self) : rock, true, source, blockBytes));
        pending.push({ path, read: () => records });
        continue;
      }
      const node = nodeOf(path, record, rock, false, source, blockBytes);
      const key = linkKey(record, rock);
      const known = key === undefined ? undefined : linked.get(key);
      if (key !== undefined && known === undefined) linked.set(key, node);
      tree.set(path, known ?? node);
      const [first] = record.extents;
      if (node.type === "file" && first && node.content.sizeBytes > 0 && !pathAt.has(first.block))
        pathAt.set(first.block, { path, sizeBytes: node.content.sizeBytes });
    }
  }
  for (const path of movedFrom) if (path !== "/" && tree.list(path).length === 0) tree.remove(path);
  return { tree, names, pathAt, problems };
}

/** Where Rock Ridge's entries begin in system use areas; undefined if the disc has none. */
function skipOf({ self }: IsoRecords, source: ByteSource, blockBytes: number): number | undefined {
  if (self === undefined) return undefined;
  const skip = sharingSkip(self.systemUse);
  if (skip === undefined) return undefined;
  const start = self.systemUse[0] === 0x53 ? 0 : 14;
  return readRockRidge(self.systemUse.subarray(start), source, blockBytes).isRockRidge === true ? skip : undefined;
}

function attributesOf(
  self: IsoRecord | undefined,
  rockOf: (record: IsoRecord) => RockRidge,
  source: ByteSource,
  blockBytes: number,
): Partial<Node> {
  return self === undefined ? {} : nodeOf("/", self, rockOf(self), true, source, blockBytes);
}

function nameOf({ identifier, isDirectory }: IsoRecord, { name }: RockRidge, names: NameKind): string {
  if (name !== undefined && isUsable(name)) return name;
  if (names === "joliet") {
    const text = Buffer.from(identifier.subarray(0, identifier.length & ~1))
      .swap16()
      .toString("utf16le");
    return text.toWellFormed().replace(isDirectory ? "" : /;\d+$/, "");
  }
  // What Linux does with map=normal.
  const text = Buffer.from(identifier).toString("latin1").replace(/;\d+$/, "");
  return text.replace(/\.$/, "").toLowerCase();
}

function isUsable(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}

function whyLeftOut(name: string, path: string, tree: Tree): string | undefined {
  if (!isUsable(name)) return `the name ${JSON.stringify(name)} is left out: nothing can be called so`;
  if (tree.has(path)) return `the name ${JSON.stringify(name)} is there twice; the second one is left out`;
  if (encodeName(path).length > longestPathBytes)
    return "what is in it is left out: its path is longer than 4096 bytes";
  return undefined;
}

/** Rock Ridge counts links; which names are one file, its number or else the place of the content tells. */
function linkKey({ extents }: IsoRecord, { linkCount = 1, serial, mode, uid, gid }: RockRidge): string | undefined {
  const [first] = extents;
  if (linkCount < 2 || first === undefined || (serial === undefined && first.sizeBytes === 0)) return undefined;
  return [serial, first.block, first.sizeBytes, mode, uid, gid].join(" ");
}

/** Reads each directory once: one that is met again is a ring, or two of one. */
class DirectoryReader {
  readonly #source: ByteSource;
  readonly #blockBytes: number;
  readonly #problems: string[];
  readonly #seen = new Map<number, string>();
  /** Directories do not overlap, so all together are no longer than what is there. */
  #budgetBytes: number;

  constructor(source: ByteSource, blockBytes: number, problems: string[]) {
    this.#source = source;
    this.#blockBytes = blockBytes;
    this.#problems = problems;
    this.#budgetBytes = source.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  }

  read(path: string, place: ExtentPlace): IsoRecords {
    const nothing = { self: undefined, records: [], isDamaged: false };
    const complain = (reason: string) => {
      this.#problems.push(`${path}: ${reason}`);
      return nothing;
    };
    const known = this.#seen.get(place.block);
    if (known !== undefined) return complain(`its entries are those of ${known}`);
    this.#seen.set(place.block, path);
    if (endOf(place, this.#blockBytes) > this.#source.sizeBytes) return complain("its entries lie past the end");
    if (place.sizeBytes > this.#budgetBytes) return complain("its entries are more than the image can have");
    this.#budgetBytes -= place.sizeBytes;
    const bytes = new Uint8Array(place.sizeBytes);
    this.#source.read(bytes, place.block * this.#blockBytes);
    const read = readRecords(bytes);
    if (read.isDamaged) complain("some of its entries are damaged");
    return read;
  }

  /** A directory's place by its first block alone: its "." says how long it is. */
  placeOf(block: number): ExtentPlace {
    const offset = block * this.#blockBytes;
    const head = new Uint8Array(Math.max(0, Math.min(256, this.#source.sizeBytes - offset)));
    if (head.length > 0) this.#source.read(head, offset);
    return { block, sizeBytes: readRecords(head).self?.extents[0]?.sizeBytes ?? 0 };
  }
}
