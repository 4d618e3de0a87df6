import { fail } from "../../core/errors.ts";

/** A line of a descriptor that says what a part of the disk is. */
export interface DescriptorExtent {
  readonly access: string;
  readonly sectors: number;
  /** `FLAT`, `SPARSE`, `ZERO`, … */
  readonly type: string;
  readonly name: string;
  /** Where in the file a flat extent starts. */
  readonly offsetSectors: number;
}

export interface VmdkDescriptor {
  readonly createType: string;
  /** Eight hexadecimal digits, lower case. */
  readonly cid: string;
  /** Undefined if the disk stands by itself. */
  readonly parent: { readonly cid: string; readonly name: string } | undefined;
  readonly extents: readonly DescriptorExtent[];
  readonly adapter: string | undefined;
}

const noParent = "ffffffff";
const mostExtents = 2048;
/** 62 TiB, and as much again. */
const mostSectors = 2 ** 38;
const extentLine = /^(RW|RDONLY|NOACCESS)\s+(\d{1,15})\s+([A-Z]+)(?:\s+"([^"]*)"(?:\s+(\d{1,15}))?.*)?$/;

export function looksLikeDescriptor(bytes: Uint8Array): boolean {
  return /^\s*# *Disk DescriptorFile/i.test(Buffer.from(bytes).toString("latin1"));
}

/** The text behind which there may be zeros. Errors: `image/damaged`. */
export function readDescriptor(bytes: Uint8Array, path: string): VmdkDescriptor {
  const damaged = (reason: string): never => fail("image/damaged", `cannot use ${path}: ${reason}`);
  const values = new Map<string, string>();
  const extents: DescriptorExtent[] = [];
  let sectors = 0;
  for (const line of textOf(bytes)
    .split(/\r?\n/)
    .map((each) => each.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const extent = extentLine.exec(line);
    if (extent !== null) {
      const [, access = "", count, type = "", name = "", offset = "0"] = extent;
      extents.push({ access, sectors: Number(count), type, name, offsetSectors: Number(offset) });
      sectors += Number(count);
      if (extents.length > mostExtents || sectors > mostSectors)
        damaged("its descriptor tells of a disk that cannot be");
      continue;
    }
    const equals = line.indexOf("=");
    if (equals < 0) damaged(`its descriptor has the line ${JSON.stringify(line.slice(0, 80))}`);
    const value = line.slice(equals + 1).trim();
    values.set(line.slice(0, equals).trim().toLowerCase(), value.replace(/^"(.*)"$/, "$1"));
  }
  const idOf = (key: string): string => {
    const value = values.get(key)?.toLowerCase() ?? "";
    return /^[0-9a-f]{1,8}$/.test(value) ? value.padStart(8, "0") : damaged(`its descriptor has no ${key}`);
  };
  const createType = values.get("createtype") ?? damaged("its descriptor has no createType");
  const parentCid = values.has("parentcid") ? idOf("parentcid") : noParent;
  const parent = parentCid === noParent ? undefined : { cid: parentCid, name: values.get("parentfilenamehint") ?? "" };
  return { createType, cid: idOf("cid"), parent, extents, adapter: values.get("ddb.adaptertype") };
}

/** Names of files are in the encoding that the text itself tells. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const used = end < 0 ? bytes : bytes.subarray(0, end);
  const label = /^\s*encoding\s*=\s*"?([\w.-]+)/im.exec(Buffer.from(used).toString("latin1"))?.[1] ?? "utf-8";
  try {
    return new TextDecoder(label).decode(used);
  } catch {
    // Not one that is known here.
    return new TextDecoder().decode(used);
  }
}
