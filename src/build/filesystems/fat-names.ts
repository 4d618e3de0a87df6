import {
  entryBytes,
  lastLongEntry,
  longEntryStruct,
  longestName,
  longNameAttributes,
  shortNameChecksum,
  unitsPerLongEntry,
} from "./fat-format.ts";

/** Everything about a name that FAT cannot hold, in words that follow "its name". Section "Long File Names". */
export function nameProblems(name: string): string[] {
  const problems: string[] = [];
  if (!name.isWellFormed()) problems.push("is not valid UTF-8");
  if (name.length > longestName) problems.push(`is ${name.length} UTF-16 units long, and ${longestName} are the limit`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what the specification forbids
  const forbidden = /[\u0000-\u001f"*/:<>?\\|]/.exec(name);
  if (forbidden !== null) problems.push(`has the character ${JSON.stringify(forbidden[0])}, which is forbidden`);
  if (/^ |[ .]$/.test(name)) problems.push("begins with a space, or ends with a space or a dot, which FAT drops");
  return problems;
}

/** Names that are equal here are the same file. Only what stays one letter is folded, and nothing into ASCII: systems disagree on the rest. */
export function foldName(name: string): string {
  return Array.from(name, (letter) => {
    const upper = letter.toUpperCase();
    return upper.length === letter.length && upper > "\x7f" === letter > "\x7f" ? upper : letter;
  }).join("");
}

interface ShortName {
  /** Eight and three characters of ASCII, padded with spaces. */
  readonly bytes: Uint8Array;
  /** Whether the name is more than its short one says, so that it needs long name entries. */
  readonly isAlias: boolean;
}

/** The short names of a directory, in the order of `names`. Names that are short get their own; the others one that nobody has, `LONGNA~1.TXT`, numbered in order. */
export function shortNames(names: readonly string[]): ShortName[] {
  const bases = names.map(baseOf);
  const taken = new Set(bases.filter(({ lossy }) => !lossy).map(joined));
  const lastTail = new Map<string, number>();
  return bases.map((base, index) => {
    if (!base.lossy) return { bytes: encodeShort(base), isAlias: joined(base) !== names[index] };
    const key = joined(base);
    let tail = lastTail.get(key) ?? 0;
    let candidate: Base;
    do {
      const digits = `~${++tail}`;
      candidate = { ...base, name: base.name.slice(0, 8 - digits.length) + digits };
    } while (taken.has(joined(candidate)));
    lastTail.set(key, tail);
    taken.add(joined(candidate));
    return { bytes: encodeShort(candidate), isAlias: true };
  });
}

interface Base {
  readonly name: string;
  readonly extension: string;
  /** Something of the name is gone, so a numeric tail must say so. */
  readonly lossy: boolean;
}

/**
 * Section "The Basis-Name Generation Algorithm". Letters beyond ASCII become underscores: their short form would depend on the reader's code page.
 */
function baseOf(name: string): Base {
  const kept = name.replace(/ /g, "").replace(/^\.+/, "");
  const upper = kept
    .replace(/[a-z]/g, (letter) => letter.toUpperCase())
    .replace(/[\u{10000}-\u{10ffff}]|[^\x21-\x7e]|[+,;=[\]]/gu, "_");
  const dot = upper.lastIndexOf(".");
  const whole = (dot < 0 ? upper : upper.slice(0, dot)).replaceAll(".", "");
  const extension = dot < 0 ? "" : upper.slice(dot + 1);
  const plain = dot < 0 ? whole : `${whole}.${extension}`;
  const lossy =
    plain !== name.replace(/[a-z]/g, (letter) => letter.toUpperCase()) ||
    whole.length > 8 ||
    extension.length > 3 ||
    whole === "";
  return { name: whole.slice(0, 8) || "_", extension: extension.slice(0, 3), lossy };
}

function joined({ name, extension }: Pick<Base, "name" | "extension">): string {
  return extension === "" ? name : `${name}.${extension}`;
}

function encodeShort({ name, extension }: Base): Uint8Array {
  return Buffer.from(name.padEnd(8) + extension.padEnd(3), "latin1");
}

/** How many entries a name takes besides its short one. */
export function longEntryCount(name: string): number {
  return Math.ceil(name.length / unitsPerLongEntry);
}

/** The long name entries that go before the short one: last piece first. */
export function encodeLongName(name: string, shortName: Uint8Array): Uint8Array {
  const count = longEntryCount(name);
  // A zero ends the name unless it fills its entries; ones follow.
  const units = Buffer.alloc(count * unitsPerLongEntry * 2, 0xff);
  units.write(`${name}\0`.slice(0, count * unitsPerLongEntry), "utf16le");
  const checksum = shortNameChecksum(shortName);
  const entries = new Uint8Array(count * entryBytes);
  for (let piece = 0; piece < count; piece++) {
    const at = piece * unitsPerLongEntry * 2;
    longEntryStruct.encodeInto(entries, (count - 1 - piece) * entryBytes, {
      order: (piece + 1) | (piece === count - 1 ? lastLongEntry : 0),
      units1: units.subarray(at, at + 10),
      attributes: longNameAttributes,
      checksum,
      units2: units.subarray(at + 10, at + 22),
      units3: units.subarray(at + 22, at + 26),
    });
  }
  return entries;
}

/** The label as its entry and the boot sector have it, or undefined if FAT cannot hold it. */
export function encodeLabel(label: string): Uint8Array | undefined {
  if (!/^[\x21-\x7e][\x20-\x7e]{0,10}$/.test(label) || /["*+,./:;<=>?[\\\]|]/.test(label)) return undefined;
  return Buffer.from(label.padEnd(11), "latin1");
}

/** What stands in the boot sector of a file system without a label. */
export const noLabel: Uint8Array = Buffer.from("NO NAME    ", "latin1");
