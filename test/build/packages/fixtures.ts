import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { xz } from "@napi-rs/lzma";

/** A file in a package that a test makes. */
export interface FixtureFile {
  readonly path: string;
  readonly content?: string | Uint8Array;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Symbolic link to this. */
  readonly link?: string;
  /** Hard link to this path. */
  readonly hardLink?: string;
  /** tar's type flag, if it is none of the above. */
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
}

export interface FixturePackage {
  readonly name: string;
  readonly version?: string;
  /** Further fields of its paragraph: `{ Depends: "b (>= 2)" }`. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly files?: readonly FixtureFile[];
  readonly compression?: "xz" | "gz" | "zst" | "none";
  /** What the archive serves instead of a good .deb, still with the right digest. */
  readonly deb?: Buffer;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A tar header of ustar's form with its checksum. */
export function tarHeader(file: FixtureFile, sizeBytes: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, size: number) =>
    header.write(value.toString(8).padStart(size - 1, "0"), at, "latin1");
  const type =
    file.type ??
    (file.link !== undefined ? "2" : file.hardLink !== undefined ? "1" : file.path.endsWith("/") ? "5" : "0");
  header.write(file.path, 0, 100, "utf8");
  octal(file.mode ?? (type === "5" ? 0o755 : 0o644), 100, 8);
  octal(file.uid ?? 0, 108, 8);
  octal(file.gid ?? 0, 116, 8);
  octal(sizeBytes, 124, 12);
  octal(1_700_000_000, 136, 12);
  header.fill(" ", 148, 156);
  header.write(type, 156, "latin1");
  header.write(file.link ?? file.hardLink ?? "", 157, 100, "utf8");
  header.write("ustar\x0000", 257, "latin1");
  octal(file.major ?? 0, 329, 8);
  octal(file.minor ?? 0, 337, 8);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

export function makeTar(files: readonly FixtureFile[]): Buffer {
  const pieces: Buffer[] = [];
  for (const file of files) {
    const content = Buffer.from(file.content ?? "");
    pieces.push(tarHeader(file, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

export function makeAr(members: readonly (readonly [name: string, bytes: Uint8Array])[]): Buffer {
  const pieces: Uint8Array[] = [Buffer.from("!<arch>\n")];
  for (const [name, bytes] of members) {
    const header = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`;
    pieces.push(Buffer.from(header), bytes, Buffer.from(bytes.length % 2 === 1 ? "\n" : ""));
  }
  return Buffer.concat(pieces);
}

export function compress(bytes: Buffer, compression: FixturePackage["compression"] = "xz"): Buffer {
  if (compression === "xz") return xz.compressSync(bytes);
  if (compression === "gz") return gzipSync(bytes);
  return compression === "zst" ? zstdCompressSync(bytes) : bytes;
}

export function makeDeb({ name, version = "1.0-1", fields, files, compression = "xz" }: FixturePackage): Buffer {
  const suffix = compression === "none" ? "" : `.${compression}`;
  const paragraph = { Package: name, Version: version, Architecture: "amd64", ...fields };
  const text = Object.entries(paragraph).map(([key, value]) => `${key}: ${value}\n`);
  const control = makeTar([{ path: "./control", content: text.join("") }]);
  const data = makeTar(files ?? [{ path: `./usr/share/${name}`, content: `${name} ${version}\n` }]);
  return makeAr([
    ["debian-binary", Buffer.from("2.0\n")],
    [`control.tar${suffix}`, compress(control, compression)],
    [`data.tar${suffix}`, compress(data, compression)],
  ]);
}

/** A Packages paragraph, as an archive would write it. */
export function paragraph(fixture: FixturePackage, path: string, deb: Uint8Array): string {
  const fields = {
    Package: fixture.name,
    Version: fixture.version ?? "1.0-1",
    Architecture: "amd64",
    ...fixture.fields,
    Filename: path,
    Size: String(deb.length),
    SHA256: sha256(deb),
    Description: "made for a test",
  };
  return `${Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("")}\n`;
}
