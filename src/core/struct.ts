/**
 * Declared binary structures. A field knows its offset, so a declaration reads like the specification's table and checks itself: fields
 * may not overlap or leave the structure. Fields that are not given encode as zero.
 *
 *     const footer = struct("VHD footer", 512, "big", { cookie: bytes(0, 8), size: u64(0x30) });
 *     footer.encode({ size: 4096 });  footer.decode(block).size
 */
export interface Field<T> {
  readonly offset: number;
  readonly size: number;
  readonly zero: T;
  put(view: DataView, offset: number, value: T, little: boolean): void;
  take(view: DataView, offset: number, little: boolean): T;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of fields of every type
type Fields = Record<string, Field<any>>;
type Values<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

export interface Struct<F extends Fields> {
  readonly name: string;
  readonly size: number;
  readonly fields: F;
  encode(values: Partial<Values<F>>): Uint8Array;
  encodeInto(target: Uint8Array, offset: number, values: Partial<Values<F>>): void;
  decode(bytes: Uint8Array, offset?: number): Values<F>;
}

export function struct<F extends Fields>(name: string, size: number, endian: "little" | "big", fields: F): Struct<F> {
  const little = endian === "little";
  const entries = Object.entries(fields);
  checkLayout(name, size, entries);
  const view = (bytes: Uint8Array, offset: number): DataView => {
    if (offset + size > bytes.length)
      throw new RangeError(`${name} needs ${size} bytes at ${offset}, there are ${bytes.length}`);
    return new DataView(bytes.buffer, bytes.byteOffset + offset, size);
  };
  const encodeInto: Struct<F>["encodeInto"] = (target, offset, values) => {
    const into = view(target, offset);
    for (const [key, field] of entries) {
      const value = values[key] ?? field.zero;
      try {
        field.put(into, field.offset, value, little);
      } catch (error) {
        throw new RangeError(`${name}.${key}: ${(error as Error).message}`);
      }
    }
  };
  return {
    name,
    size,
    fields,
    encodeInto,
    encode(values) {
      const bytes = new Uint8Array(size);
      encodeInto(bytes, 0, values);
      return bytes;
    },
    decode(bytes, offset = 0) {
      const from = view(bytes, offset);
      return Object.fromEntries(
        entries.map(([key, field]) => [key, field.take(from, field.offset, little)]),
      ) as Values<F>;
    },
  };
}

function unsigned(value: number, bits: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** bits)
    throw new RangeError(`${value} is not an unsigned ${bits}-bit number`);
  return value;
}

export const u8 = (offset: number): Field<number> => ({
  offset,
  size: 1,
  zero: 0,
  put: (view, at, value) => view.setUint8(at, unsigned(value, 8)),
  take: (view, at) => view.getUint8(at),
});

export const u16 = (offset: number, endian?: "little" | "big"): Field<number> => ({
  offset,
  size: 2,
  zero: 0,
  put: (view, at, value, little) => view.setUint16(at, unsigned(value, 16), endian ? endian === "little" : little),
  take: (view, at, little) => view.getUint16(at, endian ? endian === "little" : little),
});

export const u32 = (offset: number, endian?: "little" | "big"): Field<number> => ({
  offset,
  size: 4,
  zero: 0,
  put: (view, at, value, little) => view.setUint32(at, unsigned(value, 32), endian ? endian === "little" : little),
  take: (view, at, little) => view.getUint32(at, endian ? endian === "little" : little),
});

/** A 64-bit number that must be a safe integer (below 2^53): sizes and offsets are. Larger values read as an error. */
export const u64 = (offset: number): Field<number> => ({
  offset,
  size: 8,
  zero: 0,
  put: (view, at, value, little) => view.setBigUint64(at, BigInt(unsigned(value, 53)), little),
  take: (view, at, little) => {
    const value = view.getBigUint64(at, little);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${value} is too large`);
    return Number(value);
  },
});

/** A 64-bit number as it is, also all ones: for offsets that nobody has checked yet. */
export const u64big = (offset: number): Field<bigint> => ({
  offset,
  size: 8,
  zero: 0n,
  put: (view, at, value, little) => view.setBigUint64(at, value, little),
  take: (view, at, little) => view.getBigUint64(at, little),
});

/** Raw bytes; a shorter value is padded with zeros. */
export const bytes = (offset: number, size: number): Field<Uint8Array> => ({
  offset,
  size,
  zero: new Uint8Array(0),
  put(view, at, value) {
    if (value.length > size) throw new RangeError(`${value.length} bytes do not fit ${size}`);
    const target = new Uint8Array(view.buffer, view.byteOffset + at, size);
    target.fill(0);
    target.set(value);
  },
  take: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size).slice(),
});

/** ASCII text, padded with `padding` (NUL unless told), which reading strips again. */
export const ascii = (offset: number, size: number, padding = "\0"): Field<string> => ({
  offset,
  size,
  zero: "",
  put(view, at, value) {
    if (value.length > size) throw new RangeError(`"${value}" does not fit ${size} bytes`);
    const padded = value.padEnd(size, padding);
    for (let index = 0; index < size; index++) view.setUint8(at + index, unsigned(padded.charCodeAt(index), 7));
  },
  take(view, at) {
    const text = Buffer.from(view.buffer, view.byteOffset + at, size).toString("latin1");
    let end = text.length;
    while (end > 0 && text[end - 1] === padding) end--;
    return text.slice(0, end);
  },
});

function checkLayout(name: string, size: number, entries: [string, Field<unknown>][]): void {
  let end = 0;
  let before = "the start";
  for (const [key, field] of entries.toSorted((a, b) => a[1].offset - b[1].offset)) {
    if (field.offset < end) throw new TypeError(`${name}: ${key} overlaps ${before}`);
    end = field.offset + field.size;
    before = key;
  }
  if (end > size) throw new TypeError(`${name}: ${before} ends at ${end}, past its size ${size}`);
}
