import type { ByteSource } from "../../core/byte-source.ts";

/** What the dynamic loader would read of an executable or a shared object. */
export interface ElfFile {
  readonly bits: 32 | 64;
  /** `e_machine`: 62 is x86-64, 183 AArch64, 243 RISC-V. */
  readonly machine: number;
  readonly interpreter: string | undefined;
  readonly needed: readonly string[];
  /** Directories of DT_RPATH and DT_RUNPATH, as written: `$ORIGIN/../lib`. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}

const type = { executable: 2, shared: 3 };
const segment = { load: 1, dynamic: 2, interpreter: 3 };
const tag = { needed: 1, strtab: 5, strsz: 10, rpath: 15, runpath: 29 };

interface Segment {
  readonly type: number;
  readonly offsetBytes: number;
  readonly address: number;
  readonly fileBytes: number;
}

/**
 * Reads the parts of an ELF file that say what it needs to run (System V ABI, chapters 4 and 5), and only these. Undefined for what is no executable or shared object of
 * little-endian ELF: data, scripts, objects (.o, .ko).
 *
 * @throws SyntaxError when the file is damaged
 */
export function readElf(source: ByteSource): ElfFile | undefined {
  if (!isElf(source)) return undefined;
  const header = bytesAt(source, 0, headerBytes);
  // EI_DATA: 1 is little-endian.
  if (header[5] !== 1) return undefined;
  const bits = header[4] === 2 ? 64 : 32;
  const kind = header.readUInt16LE(16);
  if (kind !== type.executable && kind !== type.shared) return undefined;
  const segments = readSegments(source, header, bits);
  const interpreter = segments.find((part) => part.type === segment.interpreter);
  const dynamic = segments.find((part) => part.type === segment.dynamic);
  const file = { bits, machine: header.readUInt16LE(18), needed: [], rpath: [], runpath: [] } as const;
  const path = interpreter && untilNul(bytesAt(source, interpreter.offsetBytes, interpreter.fileBytes), 0);
  if (dynamic === undefined) return { ...file, interpreter: path };
  return { ...file, interpreter: path, ...readDynamic(source, dynamic, segments, bits) };
}

const headerBytes = 64;

/** Whether it may be a program at all: it has the room and the magic number. */
export function isElf(source: ByteSource): boolean {
  return source.sizeBytes >= headerBytes && bytesAt(source, 0, 4).readUInt32BE(0) === 0x7f454c46;
}

function readSegments(source: ByteSource, header: Buffer, bits: 32 | 64): Segment[] {
  const wide = bits === 64;
  const tableAt = wide ? word(header, 32) : header.readUInt32LE(28);
  const entryBytes = header.readUInt16LE(wide ? 54 : 42);
  const count = header.readUInt16LE(wide ? 56 : 44);
  const table = bytesAt(source, tableAt, count * entryBytes);
  return Array.from({ length: count }, (_, index) => {
    const entry = table.subarray(index * entryBytes, (index + 1) * entryBytes);
    return wide
      ? {
          type: entry.readUInt32LE(0),
          offsetBytes: word(entry, 8),
          address: word(entry, 16),
          fileBytes: word(entry, 32),
        }
      : {
          type: entry.readUInt32LE(0),
          offsetBytes: entry.readUInt32LE(4),
          address: entry.readUInt32LE(8),
          fileBytes: entry.readUInt32LE(16),
        };
  });
}

function readDynamic(
  source: ByteSource,
  dynamic: Segment,
  segments: readonly Segment[],
  bits: 32 | 64,
): Pick<ElfFile, "needed" | "rpath" | "runpath"> {
  const table = bytesAt(source, dynamic.offsetBytes, dynamic.fileBytes);
  const size = bits === 64 ? 16 : 8;
  const entries: { tag: number; value: number }[] = [];
  for (let at = 0; at + size <= table.length; at += size) {
    const entry =
      bits === 64
        ? { tag: word(table, at), value: word(table, at + 8) }
        : { tag: table.readUInt32LE(at), value: table.readUInt32LE(at + 4) };
    if (entry.tag === 0) break;
    entries.push(entry);
  }
  const one = (wanted: number) => entries.find((entry) => entry.tag === wanted)?.value;
  const address = one(tag.strtab);
  const lengthBytes = one(tag.strsz);
  if (address === undefined || lengthBytes === undefined) return { needed: [], rpath: [], runpath: [] };
  const strings = bytesAt(source, offsetOf(address, segments), lengthBytes);
  const texts = (wanted: number) =>
    entries.filter((entry) => entry.tag === wanted).map((entry) => untilNul(strings, entry.value));
  const paths = (wanted: number) => texts(wanted).flatMap((text) => text.split(":").filter((part) => part !== ""));
  return { needed: texts(tag.needed), rpath: paths(tag.rpath), runpath: paths(tag.runpath) };
}

/** DT_STRTAB is an address in memory; the segment that is loaded there says where in the file it comes from. */
function offsetOf(address: number, segments: readonly Segment[]): number {
  const home = segments.find(
    (part) => part.type === segment.load && address >= part.address && address < part.address + part.fileBytes,
  );
  if (home === undefined) throw new SyntaxError("its string table is in no segment");
  return home.offsetBytes + address - home.address;
}

function bytesAt(source: ByteSource, offsetBytes: number, lengthBytes: number): Buffer {
  if (offsetBytes + lengthBytes > source.sizeBytes) throw new SyntaxError("it is cut short");
  const bytes = Buffer.alloc(lengthBytes);
  if (lengthBytes > 0) source.read(bytes, offsetBytes);
  return bytes;
}

/** 64 bits as a number; what does not fit is larger than any file, so it fails as such. */
function word(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function untilNul(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString("latin1", start, end < 0 ? bytes.length : end);
}
