import { crc32 } from "node:zlib";
import { LinePool } from "./line-pool.ts";

/** What the resolver needs of a package, from a paragraph of a Packages index. Relation fields are as written; absent ones are empty. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly multiArch: string;
  readonly priority: string;
  /** Relative to the archive's base URL. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly preDepends: string;
  readonly depends: string;
  readonly conflicts: string;
  readonly breaks: string;
  readonly provides: string;
}

/**
 * A Packages index in compact form, made to be used without parsing it: lines sorted by name, one per package, fields separated by tabs, then
 * lines `VIRTUAL\tPROVIDER` sorted likewise. Look-ups bisect the bytes.
 */
export interface PackageIndex {
  /** All versions of a package. */
  find(name: string): PackageRecord[];
  /** Names of the packages that provide a virtual package, sorted. */
  providers(virtual: string): string[];
  /** Every package's name. Slow: for messages. */
  names(): string[];
}

const fieldOfKey: Record<string, number> = {
  Package: 0,
  Version: 1,
  Architecture: 2,
  "Multi-Arch": 3,
  Priority: 4,
  Filename: 5,
  Size: 6,
  SHA256: 7,
  "Pre-Depends": 8,
  Depends: 9,
  Conflicts: 10,
  Breaks: 11,
  Provides: 12,
};
const fieldCount = 13;
const magic = "cloudimg-packages-1";

/** Collects the text of a Packages index piece by piece and gives its compact form. */
export class IndexBuilder {
  readonly #records = new LinePool();
  readonly #provides = new LinePool();
  #rest = "";

  /** Takes the next bytes; pieces may end anywhere. */
  add(bytes: Buffer): void {
    const text = this.#rest + bytes.toString("latin1");
    const end = text.lastIndexOf("\n\n");
    if (end < 0) {
      this.#rest = text;
      return;
    }
    this.#parse(text.slice(0, end + 1));
    this.#rest = text.slice(end + 2);
  }

  finish(): Buffer {
    this.#parse(`${this.#rest}\n`);
    const sizes = [this.#records.sizeBytes, this.#provides.sizeBytes];
    // The checksum stands before what it is of, so its place is kept free.
    const headerBytes = headerOf(sizes, 0).length;
    const whole = Buffer.allocUnsafeSlow(headerBytes + this.#records.sizeBytes + this.#provides.sizeBytes);
    this.#records.copySorted(whole, headerBytes);
    this.#provides.copySorted(whole, headerBytes + this.#records.sizeBytes);
    whole.write(headerOf(sizes, crc32(whole.subarray(headerBytes))), 0, "latin1");
    return whole;
  }

  #parse(text: string): void {
    let fields = new Array<string>(fieldCount).fill("");
    let field: number | undefined;
    let some = false;
    for (let at = 0; at < text.length; ) {
      let end = text.indexOf("\n", at);
      if (end < 0) end = text.length;
      const first = text.charCodeAt(at);
      if (end === at) {
        if (some) this.#put(fields);
        fields = new Array<string>(fieldCount).fill("");
        field = undefined;
        some = false;
      } else if (first === 32 || first === 9) {
        if (field !== undefined) fields[field] += ` ${text.slice(at, end).trim()}`;
      } else {
        const colon = text.indexOf(":", at);
        field = colon > 0 && colon < end ? fieldOfKey[text.slice(at, colon)] : undefined;
        if (field !== undefined) fields[field] = text.slice(colon + 1, end).trim();
        some = true;
      }
      at = end + 1;
    }
    if (some) this.#put(fields);
  }

  #put(fields: string[]): void {
    const [name = ""] = fields;
    if (name === "") return;
    this.#records.add(`${fields.join("\t")}\n`);
    for (const provided of fields[12]?.split(",") ?? []) {
      const virtual = /^\s*([^\s:(]+)/.exec(provided)?.[1];
      if (virtual !== undefined) this.#provides.add(`${virtual}\t${name}\n`);
    }
  }
}

function headerOf(sizes: readonly number[], checksum: number): string {
  return `${magic} ${sizes.join(" ")} ${String(checksum).padStart(10, "0")}\n`;
}

/** Opens a compact index. Undefined if it is damaged or of another format version: make it again. */
export function openIndex(bytes: Buffer): PackageIndex | undefined {
  const headerEnd = bytes.indexOf(10);
  const [word, records, provides, checksum] = bytes.toString("latin1", 0, headerEnd).split(" ");
  const body = bytes.subarray(headerEnd + 1);
  const recordBytes = Number(records);
  if (word !== magic || recordBytes + Number(provides) !== body.length || crc32(body) !== Number(checksum))
    return undefined;
  const recordPart = body.subarray(0, recordBytes);
  const providesPart = body.subarray(recordBytes);
  return {
    find: (name) => linesOf(recordPart, name).map(parseRecord),
    providers: (virtual) => [
      ...new Set(linesOf(providesPart, virtual).map((line) => line.slice(line.indexOf("\t") + 1))),
    ],
    names: () => {
      const lines = recordPart.toString("latin1").split("\n");
      return [...new Set(lines.map((line) => line.slice(0, line.indexOf("\t"))))].filter((name) => name !== "");
    },
  };
}

function parseRecord(line: string): PackageRecord {
  const [name, version, architecture, multiArch, priority, path, size, sha256, ...relations] = line.split("\t") as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const [preDepends, depends, conflicts, breaks, provides] = relations as [string, string, string, string, string];
  const sizeBytes = Number(size);
  return {
    name,
    version,
    architecture,
    multiArch,
    priority,
    path,
    sizeBytes,
    sha256,
    preDepends,
    depends,
    conflicts,
    breaks,
    provides,
  };
}

/** Every line whose first field is `key`, of lines sorted as `line\n` by bytes. */
function linesOf(bytes: Buffer, key: string): string[] {
  const wanted = Buffer.from(`${key}\t`, "latin1");
  let low = 0;
  let high = bytes.length;
  // Invariant: lines that start before `low` are smaller; `high` is the start of a line that is not, or the end.
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = middle === 0 ? 0 : bytes.lastIndexOf(10, middle - 1) + 1;
    const piece = bytes.subarray(start, start + wanted.length);
    if (Buffer.compare(piece, wanted) < 0) low = bytes.indexOf(10, middle) + 1;
    else high = start;
  }
  const lines: string[] = [];
  for (let at = low; at < bytes.length; ) {
    if (Buffer.compare(bytes.subarray(at, at + wanted.length), wanted) !== 0) break;
    const end = bytes.indexOf(10, at);
    lines.push(bytes.toString("latin1", at, end));
    at = end + 1;
  }
  return lines;
}
