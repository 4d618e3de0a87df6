import type { ByteSource } from "../../core/byte-source.ts";
import { compressedPlace, plainOffset } from "./qcow2-format.ts";
import type { Qcow2Header } from "./qcow2-header-reader.ts";

/** What a part of the disk is: never more than a cluster. */
export interface MappedPart {
  /** `backing`: not here, so in the backing file, or zeros if there is none. */
  readonly type: "data" | "compressed" | "zero" | "backing";
  /** From the offset that was asked for to the end of its cluster or subcluster. */
  readonly lengthBytes: number;
  /** Where the data is in the file: of the byte that was asked for or, of a compressed cluster, of its first. */
  readonly hostOffset: number;
  /** Of a compressed cluster: how many bytes may belong to it. */
  readonly hostBytes: number;
}

export interface Qcow2Map {
  partAt(offsetBytes: number): MappedPart;
  /** All parts of the disk in order, those alike joined. What is not mapped at all comes in one piece. */
  parts(): Iterable<{ readonly type: MappedPart["type"]; readonly offsetBytes: number; readonly lengthBytes: number }>;
  /** How many clusters `parts` came across that are compressed, plain, and plain but behind the file's end. */
  readonly counts: { compressed: number; plain: number; behindEnd: number };
}

const cachedTableBytes = 4 * 1024 ** 2;

/** The two levels of tables. `dataBytes` is the size of the file that has the clusters. Errors go to `damaged`, which throws. */
export function openQcow2Map(
  header: Qcow2Header,
  source: ByteSource,
  dataBytes: number,
  damaged: (reason: string) => never,
): Qcow2Map {
  const { clusterBits, clusterBytes, l2EntryBytes, subclusters, sizeBytes, version } = header;
  const l2Entries = clusterBytes / l2EntryBytes;
  const l2Reach = clusterBytes * l2Entries;
  const subclusterBytes = clusterBytes / subclusters;
  const l1 = readView(source, header.l1.offsetBytes, header.l1.entries * 8);
  const cached = new Map<number, DataView>();
  const mostCached = Math.max(2, Math.floor(cachedTableBytes / clusterBytes));
  const counts = { compressed: 0, plain: 0, behindEnd: 0 };

  function tableOffset(l1Index: number): number {
    const offset = plainOffset(l1.getUint32(l1Index * 8), l1.getUint32(l1Index * 8 + 4));
    if (offset % clusterBytes !== 0) damaged(`L2 table ${l1Index} is not at the start of a cluster`);
    if (offset + clusterBytes > source.sizeBytes)
      damaged(`L2 table ${l1Index} lies behind the end of the file: was it copied completely?`);
    return offset;
  }

  function table(l1Index: number): DataView | undefined {
    const known = cached.get(l1Index);
    if (known !== undefined) return known;
    const offset = tableOffset(l1Index);
    if (offset === 0) return undefined;
    const read = readView(source, offset, clusterBytes);
    const [oldest] = cached.keys();
    if (cached.size >= mostCached && oldest !== undefined) cached.delete(oldest);
    cached.set(l1Index, read);
    return read;
  }

  /** `inside`: from the cluster's start. */
  function entryAt(view: DataView, index: number, inside: number): MappedPart {
    const at = index * l2EntryBytes;
    const [high, low] = [view.getUint32(at), view.getUint32(at + 4)];
    const rest = clusterBytes - inside;
    if ((high & 0x40000000) !== 0) {
      const { hostOffset, lengthBytes } = compressedPlace(high, low, clusterBits);
      return { type: "compressed", lengthBytes: rest, hostOffset, hostBytes: lengthBytes };
    }
    const host = plainOffset(high, low);
    if (host % clusterBytes !== 0) damaged("a cluster of its data is not at the start of a cluster of the file");
    // Offset 0 is the header's, but a place like any other in a file that has nothing but data: bit 63 says so.
    const isThere = host !== 0 || (header.dataFile !== undefined && (high & 0x80000000) !== 0);
    if (subclusters === 1) {
      const isZero = version === 3 && (low & 1) !== 0;
      const type = isZero ? "zero" : isThere ? "data" : "backing";
      return { type, lengthBytes: rest, hostOffset: host + inside, hostBytes: rest };
    }
    const subcluster = Math.floor(inside / subclusterBytes);
    const isZero = (view.getUint32(at + 8) >>> subcluster) & 1;
    const isAllocated = (view.getUint32(at + 12) >>> subcluster) & 1;
    if (isAllocated === 1 && (isZero === 1 || !isThere)) damaged("a subcluster is said to be two things at once");
    const type = isZero === 1 ? "zero" : isAllocated === 1 ? "data" : "backing";
    const left = subclusterBytes - (inside % subclusterBytes);
    return { type, lengthBytes: left, hostOffset: host + inside, hostBytes: left };
  }

  function* tableParts(l1Index: number, view: DataView) {
    const start = l1Index * l2Reach;
    for (let index = 0; index < l2Entries; index++) {
      const clusterStart = start + index * clusterBytes;
      if (clusterStart >= sizeBytes) return;
      for (let inside = 0; inside < clusterBytes; ) {
        const part = entryAt(view, index, inside);
        if (inside === 0 && part.type === "compressed") counts.compressed++;
        if (inside === 0 && part.type === "data") counts.plain++;
        if ((part.type === "data" || part.type === "compressed") && part.hostOffset >= dataBytes) counts.behindEnd++;
        yield { type: part.type, offsetBytes: clusterStart + inside, lengthBytes: part.lengthBytes };
        inside += part.lengthBytes;
      }
    }
  }

  function* allParts() {
    const seen = new Set<number>();
    for (let l1Index = 0; l1Index < header.l1.entries; l1Index++) {
      const offset = tableOffset(l1Index);
      if (offset === 0) {
        yield { type: "backing" as const, offsetBytes: l1Index * l2Reach, lengthBytes: l2Reach };
        continue;
      }
      // Else a small file could stand for any number of clusters.
      if (seen.has(offset)) damaged(`L2 table ${l1Index} is another one's too`);
      seen.add(offset);
      yield* tableParts(l1Index, readView(source, offset, clusterBytes));
    }
  }

  return {
    counts,
    partAt(offsetBytes) {
      const l1Index = Math.floor(offsetBytes / l2Reach);
      const view = table(l1Index);
      if (view === undefined)
        return { type: "backing", lengthBytes: (l1Index + 1) * l2Reach - offsetBytes, hostOffset: 0, hostBytes: 0 };
      const inTable = offsetBytes - l1Index * l2Reach;
      return entryAt(view, Math.floor(inTable / clusterBytes), inTable % clusterBytes);
    },
    *parts() {
      let joined: { type: MappedPart["type"]; offsetBytes: number; lengthBytes: number } | undefined;
      for (const part of allParts()) {
        const lengthBytes = Math.min(part.lengthBytes, sizeBytes - part.offsetBytes);
        if (joined !== undefined && joined.type === part.type) joined.lengthBytes += lengthBytes;
        else {
          if (joined !== undefined) yield joined;
          joined = { ...part, lengthBytes };
        }
      }
      if (joined !== undefined) yield joined;
    },
  };
}

function readView(source: ByteSource, offsetBytes: number, lengthBytes: number): DataView {
  const bytes = new Uint8Array(lengthBytes);
  if (lengthBytes > 0) source.read(bytes, offsetBytes);
  return new DataView(bytes.buffer);
}
