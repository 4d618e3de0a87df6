/** What a kernel module says about itself. */
export interface ModuleInfo {
  /** Modules whose symbols it uses. */
  readonly depends: readonly string[];
  /** Patterns of the devices and names that it serves. */
  readonly aliases: readonly string[];
  /** As written: `pre: crc32c post: foo`. */
  readonly softdeps: readonly string[];
}

/**
 * Reads the section .modinfo of a kernel module, an ELF object of 64 bits, little-endian (System V ABI, chapter 4; its entries are `KEY=VALUE` with a NUL behind,
 * Linux include/linux/moduleparam.h).
 *
 * @throws SyntaxError when it is no such file
 */
export function readModuleInfo(bytes: Buffer): ModuleInfo {
  const values = new Map<string, string[]>();
  for (const entry of section(bytes, ".modinfo").toString("utf8").split("\0")) {
    const equals = entry.indexOf("=");
    if (equals < 0) continue;
    const key = entry.slice(0, equals);
    const known = values.get(key);
    if (known === undefined) values.set(key, [entry.slice(equals + 1)]);
    else known.push(entry.slice(equals + 1));
  }
  const words = (values.get("depends") ?? []).flatMap((text) => text.split(","));
  return {
    depends: words.filter((word) => word !== "").map(moduleName),
    aliases: values.get("alias") ?? [],
    softdeps: values.get("softdep") ?? [],
  };
}

/** The kernel takes `-` and `_` in names of modules as the same; files are named with either. */
export function moduleName(text: string): string {
  return text.replaceAll("-", "_");
}

function section(bytes: Buffer, wanted: string): Buffer {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1)
    throw new SyntaxError("it is no ELF object of 64 bits");
  const tableAt = Number(bytes.readBigUInt64LE(40));
  const entryBytes = bytes.readUInt16LE(58);
  const count = bytes.readUInt16LE(60);
  const namesIndex = bytes.readUInt16LE(62);
  if (tableAt + count * entryBytes > bytes.length || namesIndex >= count) throw new SyntaxError("it is cut short");
  const content = (index: number): Buffer => {
    const at = tableAt + index * entryBytes;
    const start = Number(bytes.readBigUInt64LE(at + 24));
    return bytes.subarray(start, start + Number(bytes.readBigUInt64LE(at + 32)));
  };
  const names = content(namesIndex);
  for (let index = 0; index < count; index++) {
    const start = bytes.readUInt32LE(tableAt + index * entryBytes);
    if (names.toString("latin1", start, names.indexOf(0, start)) === wanted) return content(index);
  }
  throw new SyntaxError(`it has no section ${wanted}`);
}
