import { type ByteSource, composeSource, type Piece, sliceSource } from "../../core/byte-source.ts";

/** Where the stored bytes of a sparse file belong. The stored ones follow each other without gaps. */
interface SparseMap {
  readonly sizeBytes: number;
  readonly parts: readonly { readonly offsetBytes: number; readonly lengthBytes: number }[];
}

/** What pax records say of a sparse file (GNU tar manual, "Sparse Formats"): versions 0.0, 0.1 and 1.0. */
export interface SparseRecords {
  major?: string;
  name?: Uint8Array;
  size?: string;
  /** 0.1: `offset,length,offset,length` */
  map?: string;
  /** 0.0: one record each, in turns */
  readonly numbers: string[];
}

/** Takes a pax record in if it is one of GNU's for sparse files. */
export function addSparseRecord(records: SparseRecords | undefined, key: string, value: Buffer): SparseRecords {
  const all = records ?? { numbers: [] };
  const text = value.toString("latin1");
  if (key === "GNU.sparse.major") all.major = text;
  else if (key === "GNU.sparse.name") all.name = value;
  else if (key === "GNU.sparse.size" || key === "GNU.sparse.realsize") all.size = text;
  else if (key === "GNU.sparse.map") all.map = text;
  else if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") all.numbers.push(text);
  return all;
}

const blockBytes = 512;

/** The old GNU format: four parts in the header, then 21 in each block that follows it. */
export function readOldMap(
  bytes: Buffer,
  headerAt: number,
  number: (block: Buffer, at: number, size: number) => number,
): { readonly map: SparseMap; readonly endsAt: number } {
  const parts: { offsetBytes: number; lengthBytes: number }[] = [];
  const take = (block: Buffer, at: number, count: number) => {
    for (let index = 0; index < count; index++) {
      const lengthBytes = number(block, at + index * 24 + 12, 12);
      if (lengthBytes !== 0) parts.push({ offsetBytes: number(block, at + index * 24, 12), lengthBytes });
    }
  };
  const header = bytes.subarray(headerAt, headerAt + blockBytes);
  take(header, 386, 4);
  let endsAt = headerAt + blockBytes;
  for (let more = header[482] === 1; more; endsAt += blockBytes) {
    const block = bytes.subarray(endsAt, endsAt + blockBytes);
    if (block.length < blockBytes) throw new SyntaxError("a sparse file of its tar archive is cut short");
    take(block, 0, 21);
    more = block[504] === 1;
  }
  return { map: { sizeBytes: number(header, 483, 12), parts }, endsAt };
}

/** The content of a file that pax records say to be sparse; its map may stand before the data. */
export function sparseContentOf(stored: ByteSource, { major, size, map, numbers }: SparseRecords): ByteSource {
  const sizeBytes = Number(size);
  if (major !== "1") return sparseContent(stored, { sizeBytes, parts: partsOf(map?.split(",") ?? numbers) });
  const lines: string[] = [];
  let atBytes = 0;
  let wanted = 1;
  for (let rest = ""; lines.length < wanted; ) {
    if (atBytes + blockBytes > stored.sizeBytes) throw damaged();
    const block = Buffer.alloc(blockBytes);
    stored.read(block, atBytes);
    atBytes += blockBytes;
    const pieces = (rest + block.toString("latin1")).split("\n");
    rest = pieces.pop() ?? "";
    lines.push(...pieces);
    wanted = 1 + 2 * Number(lines[0] ?? 0);
    if (!Number.isSafeInteger(wanted)) throw damaged();
  }
  const data = sliceSource(stored, atBytes, stored.sizeBytes - atBytes);
  return sparseContent(data, { sizeBytes, parts: partsOf(lines.slice(1, wanted)) });
}

function partsOf(numbers: readonly string[]): SparseMap["parts"] {
  const parts: { offsetBytes: number; lengthBytes: number }[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2)
    parts.push({ offsetBytes: Number(numbers[at]), lengthBytes: Number(numbers[at + 1]) });
  return parts.filter(({ lengthBytes }) => lengthBytes !== 0);
}

export function sparseContent(stored: ByteSource, { sizeBytes, parts }: SparseMap): ByteSource {
  const pieces: Piece[] = [];
  let storedAt = 0;
  let endBytes = 0;
  for (const { offsetBytes, lengthBytes } of parts) {
    const isSound = [offsetBytes, lengthBytes].every((value) => Number.isSafeInteger(value) && value >= 0);
    if (!isSound || offsetBytes < endBytes || storedAt + lengthBytes > stored.sizeBytes) throw damaged();
    pieces.push({ offsetBytes, source: sliceSource(stored, storedAt, lengthBytes) });
    storedAt += lengthBytes;
    endBytes = offsetBytes + lengthBytes;
  }
  if (!Number.isSafeInteger(sizeBytes) || endBytes > sizeBytes) throw damaged();
  return composeSource(sizeBytes, pieces);
}

function damaged(): SyntaxError {
  return new SyntaxError("the map of a sparse file of its tar archive is damaged");
}
