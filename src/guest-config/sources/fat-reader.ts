import { type FileReader, largestFileBytes, readerOf } from "./file-reader.ts";
import { type ByteReader, type FatLayout, readFatLayout } from "./volume-label.ts";

/**
 * Reads files of a FAT file system without mounting it: no programs, no kernel modules, and a damaged one has bounds that we know. Long names as in Microsoft's
 * "FAT: General Overview of On-Disk Format", section "FAT Long Directory Entries"; short ones in lower case.
 */
export function openFat(read: ByteReader): FileReader | undefined {
  const layout = readFatLayout(read);
  if (layout === undefined) return undefined;
  const rootCluster = "cluster" in layout.root ? layout.root.cluster : 0;
  return readerOf<Entry>({
    root: { name: "", isDirectory: true, cluster: rootCluster, sizeBytes: 0 },
    ignoresCase: true,
    entriesOf: ({ cluster }) => {
      const isFixedRoot = cluster === 0 && !("cluster" in layout.root);
      const bytes = isFixedRoot ? readFixedRoot(read, layout) : readChain(read, layout, cluster, largestDirectoryBytes);
      return readEntries(bytes ?? new Uint8Array());
    },
    contentOf: ({ cluster, sizeBytes }) => {
      if (sizeBytes > largestFileBytes) return undefined;
      const bytes = sizeBytes === 0 ? new Uint8Array() : readChain(read, layout, cluster, sizeBytes);
      return bytes !== undefined && bytes.length >= sizeBytes ? bytes.subarray(0, sizeBytes) : undefined;
    },
  });
}

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly cluster: number;
  readonly sizeBytes: number;
}

const largestDirectoryBytes = 128 << 10;

function readFixedRoot(read: ByteReader, { root }: FatLayout): Uint8Array | undefined {
  return "cluster" in root ? undefined : read(root.offsetBytes, root.lengthBytes);
}

/** Up to `limitBytes` of the chain that begins with a cluster; clusters in a row are read at once. */
function readChain(read: ByteReader, layout: FatLayout, first: number, limitBytes: number): Uint8Array | undefined {
  const { clusterBytes, dataOffsetBytes, clusters } = layout;
  const pieces: Uint8Array[] = [];
  let left = Math.ceil(limitBytes / clusterBytes);
  for (let cluster = first; left > 0 && cluster >= 2 && cluster < clusters + 2; ) {
    let count = 1;
    let next = nextCluster(read, layout, cluster);
    while (count < left && next === cluster + count) {
      count++;
      next = nextCluster(read, layout, next);
    }
    const piece = read(dataOffsetBytes + (cluster - 2) * clusterBytes, count * clusterBytes);
    if (piece?.length !== count * clusterBytes) return undefined;
    pieces.push(piece);
    left -= count;
    cluster = next;
  }
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The entry of a cluster in the first table; what ends the chain lies beyond all clusters. */
function nextCluster(read: ByteReader, { bits, fatOffsetBytes }: FatLayout, cluster: number): number {
  const at = Math.floor((cluster * bits) / 8);
  const [a = 0xff, b = 0xff, c = 0xff, d = 0xff] = read(fatOffsetBytes + at, bits === 32 ? 4 : 2) ?? [];
  if (bits === 32) return a + b * 0x100 + c * 0x10000 + (d & 0x0f) * 0x1000000;
  const word = a + b * 0x100;
  return bits === 16 ? word : cluster % 2 === 1 ? word >> 4 : word & 0xfff;
}

function readEntries(bytes: Uint8Array): Entry[] {
  const entries: Entry[] = [];
  let longName = "";
  for (let at = 0; at + 32 <= bytes.length && bytes[at] !== 0; at += 32) {
    const entry = bytes.subarray(at, at + 32);
    const attributes = entry[11] as number;
    if ((attributes & 0x3f) === 0x0f && entry[0] !== 0xe5) {
      // The pieces of a long name stand in reverse order before the entry that they name; the first of them has this bit.
      longName = pieceOfName(entry) + (((entry[0] as number) & 0x40) === 0 ? longName : "");
      continue;
    }
    if (entry[0] !== 0xe5 && (attributes & 8) === 0 && entry[0] !== 0x2e) {
      const view = new DataView(entry.buffer, entry.byteOffset, 32);
      entries.push({
        name: longName === "" ? shortName(entry) : longName,
        isDirectory: (attributes & 0x10) !== 0,
        cluster: view.getUint16(20, true) * 0x10000 + view.getUint16(26, true),
        sizeBytes: view.getUint32(28, true),
      });
    }
    longName = "";
  }
  return entries;
}

/** Thirteen characters of UCS-2 in three places; zero ends the name. */
function pieceOfName(entry: Uint8Array): string {
  const codes = [...entry.subarray(1, 11), ...entry.subarray(14, 26), ...entry.subarray(28, 32)];
  let text = "";
  for (let at = 0; at < 26; at += 2) {
    const code = (codes[at] as number) | ((codes[at + 1] as number) << 8);
    if (code === 0) break;
    text += String.fromCharCode(code);
  }
  return text;
}

function shortName(entry: Uint8Array): string {
  const part = (start: number, end: number) => String.fromCharCode(...entry.subarray(start, end)).trimEnd();
  const extension = part(8, 11);
  return (part(0, 8) + (extension === "" ? "" : `.${extension}`)).toLowerCase();
}
