/** A name as one of the disc's two trees has it. */
export interface IsoIdentifier {
  readonly bytes: Uint8Array;
  /** Records are sorted by this, as bytes. */
  readonly order: Uint8Array;
}

export interface NameToMap {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** How one tree of the disc spells names. */
export interface NameRules {
  /** Maps one name to its parts in the alphabet of the tree. */
  split(entry: NameToMap): { base: string; extension: string };
  /** Most characters of base and extension together. */
  readonly longest: number;
  encode(base: string, extension: string, entry: NameToMap): IsoIdentifier;
}

/**
 * Names of one directory: each gets one that no other has. Names that came out equal or too long are cut and numbered, in the order given:
 * `LONG_NA1.TXT`.
 */
export function mapNames<T extends NameToMap>(entries: readonly T[], rules: NameRules): Map<T, IsoIdentifier> {
  const taken = new Set<string>();
  const lastNumber = new Map<string, number>();
  const result = new Map<T, IsoIdentifier>();
  for (const entry of entries) {
    const split = rules.split(entry);
    const extension = split.extension.slice(0, Math.floor(rules.longest / 2));
    const room = rules.longest - extension.length;
    const cut = split.base.slice(0, room);
    const wanted = `${cut}.${extension}`;
    let base = cut;
    // Smaller numbers than the last one are taken: thousands of names may come out equal.
    for (let number = lastNumber.get(wanted) ?? 0; taken.has(`${base}.${extension}`); ) {
      const digits = String(++number);
      base = `${cut.slice(0, room - digits.length)}${digits}`;
      lastNumber.set(wanted, number);
    }
    taken.add(`${base}.${extension}`);
    result.set(entry, rules.encode(base, extension, entry));
  }
  return result;
}

/**
 * ECMA-119 section 7.5 and 10.2 (level 2): capitals, digits and underscore, 30 of them at most, one dot, a version. This is all that a guest sees which
 * knows neither Rock Ridge nor Joliet; such guests drop the version and mostly lower the letters.
 */
export const isoNames: NameRules = {
  longest: 30,
  split({ name, isDirectory }) {
    const { base, extension } = isDirectory ? { base: name, extension: "" } : splitAtLastDot(name);
    return { base: isoCharacters(base) || "_", extension: isoCharacters(extension) };
  },
  encode(base, extension, { isDirectory }) {
    const text = isDirectory ? base : `${base}.${extension};1`;
    // Section 9.3: by name, then by extension, both as if padded with spaces.
    const order = `${base.padEnd(32)}${extension}`;
    return { bytes: Buffer.from(text, "latin1"), order: Buffer.from(order, "latin1") };
  },
};

/** The Joliet specification (Microsoft, 1995): big-endian UCS-2, 64 characters at most, a few of them not allowed. */
export const jolietNames: NameRules = {
  longest: 63,
  split({ name, isDirectory }) {
    const { base, extension } = isDirectory ? { base: name, extension: "" } : splitAtLastDot(name);
    return { base: jolietCharacters(base) || "_", extension: jolietCharacters(extension) };
  },
  encode(base, extension, { isDirectory }) {
    const name = extension === "" ? base : `${base}.${extension}`;
    return { bytes: encodeUcs2(isDirectory ? name : `${name};1`), order: encodeUcs2(name) };
  },
};

export function encodeUcs2(text: string): Uint8Array {
  return Buffer.from(text, "utf16le").swap16();
}

function splitAtLastDot(name: string): { base: string; extension: string } {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? { base: name, extension: "" } : { base: name.slice(0, dot), extension: name.slice(dot + 1) };
}

function isoCharacters(text: string): string {
  return text
    .replace(/[a-z]/g, (letter) => letter.toUpperCase())
    .replace(/[\ud800-\udbff][\udc00-\udfff]|[^A-Z0-9_]/g, "_");
}

/** UCS-2 has no surrogates: what lies beyond the basic plane, and bytes that were no UTF-8, become underscores. */
function jolietCharacters(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what the specification forbids
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]|[\u0000-\u001f*/:;?\\]/g, "_");
}
