/** What a made-up shared object or executable needs. */
export interface ElfWishes {
  readonly needed?: readonly string[];
  readonly runpath?: string;
  readonly rpath?: string;
  readonly interpreter?: string;
  readonly machine?: number;
}

const tags = { needed: 1, strtab: 5, strsz: 10, rpath: 15, runpath: 29 };
/** Not where the file has them: addresses and offsets must not be mixed up. */
const loadAddress = 0x400000;

/** The smallest 64-bit ELF file that a loader could read: headers, a string table, a dynamic section. */
export function elfFile({ needed = [], runpath, rpath, interpreter, machine = 62 }: ElfWishes): Buffer {
  let strings = "\0";
  const add = (text: string): number => {
    const at = strings.length;
    strings += `${text}\0`;
    return at;
  };
  const entries: [number, number][] = needed.map((name) => [tags.needed, add(name)]);
  if (runpath !== undefined) entries.push([tags.runpath, add(runpath)]);
  if (rpath !== undefined) entries.push([tags.rpath, add(rpath)]);
  const segments = interpreter === undefined ? 2 : 3;
  const stringsAt = 64 + segments * 56;
  const interpreterAt = interpreter === undefined ? 0 : stringsAt + add(interpreter);
  entries.push([tags.strtab, loadAddress + stringsAt], [tags.strsz, strings.length], [0, 0]);
  const dynamicAt = stringsAt + strings.length;
  const bytes = Buffer.alloc(dynamicAt + entries.length * 16);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(segments, 56);
  const segment = (index: number, type: number, offset: number, size: number): void => {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeBigUInt64LE(BigInt(loadAddress + offset), at + 16);
    bytes.writeBigUInt64LE(BigInt(size), at + 32);
  };
  segment(0, 1, 0, bytes.length);
  segment(1, 2, dynamicAt, entries.length * 16);
  if (interpreter !== undefined) segment(2, 3, interpreterAt, interpreter.length + 1);
  bytes.write(strings, stringsAt, "latin1");
  entries.forEach(([tag, value], index) => {
    bytes.writeBigUInt64LE(BigInt(tag), dynamicAt + index * 16);
    bytes.writeBigUInt64LE(BigInt(value), dynamicAt + index * 16 + 8);
  });
  return bytes;
}
