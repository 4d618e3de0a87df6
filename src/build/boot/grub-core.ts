import { readAll } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { lzmaEncode } from "../../core/lzma-encoder.ts";
import { struct, u32 } from "../../core/struct.ts";
import type { Tree } from "../../core/tree.ts";
import { packageFile } from "./boot-files.ts";
import { setRuns } from "./grub-block-list.ts";
import { withDependencies } from "./grub-modules.ts";

/** Links GRUB's core image for PC BIOS from the parts in Debian's grub-pc-bin, as grub-mkimage does (GRUB 2.12, include/grub/kernel.h and util/mkimage.c). */
const directory = "/usr/lib/grub/i386-pc";
const packageName = "grub-pc-bin";
const sectorBytes = 512;

/** Behind the kernel: what the objects are (include/grub/kernel.h). */
const moduleInfo = struct("GRUB module info", 12, "little", { magic: u32(0), offset: u32(4), size: u32(8) });
const moduleHeader = struct("GRUB module header", 8, "little", { type: u32(0), size: u32(4) });
const moduleMagic = 0x676d696d; // "mimg"
const objectTypes = { elf: 0, config: 2, prefix: 3 } as const;

/** From 0x8200, where the core is loaded, to 0x78000, where the memory that it may use ends. */
const coreLimitBytes = 0x78000 - 0x8200;

export interface CoreRequest {
  /** The tree of grub-pc-bin. */
  readonly files: Tree;
  /** Wanted modules; those that they depend on come with them. */
  readonly modules: readonly string[];
  /** Run when GRUB starts, before it looks for anything on disk. */
  readonly earlyConfig: string;
  /** Where GRUB's files would be on its root device. */
  readonly prefix: string;
  /** Where on the disk the core starts. */
  readonly startLba: number;
  readonly lzma?: (plain: Uint8Array) => Uint8Array;
}

/** The core image, whole sectors. Its first one says where the others are: one behind the other, unless `setRuns` tells otherwise. */
export function linkCore({
  files,
  modules,
  earlyConfig,
  prefix,
  startLba,
  lzma = lzmaEncode,
}: CoreRequest): Uint8Array {
  const decompressor = part(files, "lzma_decompress.img");
  const plain = concat([kernelSegment(part(files, "kernel.img")), moduleArea(files, modules, earlyConfig, prefix)]);
  const packed = lzma(plain);

  const loader = decompressor.slice();
  const sizes = new DataView(loader.buffer);
  sizes.setUint32(0x08, packed.length, true);
  sizes.setUint32(0x0c, plain.length, true);

  const body = padded(concat([loader, packed]), sectorBytes);
  const core = concat([part(files, "diskboot.img"), body]);
  setRuns(core, [{ offsetBytes: startLba * sectorBytes, lengthBytes: core.length }]);
  if (core.length > coreLimitBytes)
    fail(
      "image/unsupported",
      `cannot link GRUB: its core image has ${core.length} bytes, the BIOS can load ${coreLimitBytes}`,
    );
  return core;
}

/** The first sector's code, which loads the core from `coreLba`: at most 440 bytes, in front of the partition table. */
export function bootSectorCode(files: Tree, coreLba: number): Uint8Array {
  const code = part(files, "boot.img").slice(0, 440);
  const view = new DataView(code.buffer);
  view.setBigUint64(0x5c, BigInt(coreLba), true);
  // The jump over the drive check becomes no-operations: BIOSes are known to pass a wrong drive number for hard disks.
  view.setUint16(0x66, 0x9090, true);
  return code;
}

/**
 * The boot image of a CD (El Torito, without emulation): cdboot.img in front, which finds itself by the boot information table that whoever places the image
 * on the CD writes into it (xorrisofs(1), -boot-info-table).
 */
export function cdImage(files: Tree, core: Uint8Array): Uint8Array {
  return concat([part(files, "cdboot.img"), core]);
}

function moduleArea(files: Tree, wanted: readonly string[], earlyConfig: string, prefix: string): Uint8Array {
  const records = withDependencies({ files, directory, packageName }, wanted).map((name) =>
    record(objectTypes.elf, part(files, `${name}.mod`)),
  );
  records.push(record(objectTypes.config, text(earlyConfig)), record(objectTypes.prefix, text(prefix)));
  const body = concat(records);
  const size = moduleInfo.size + body.length;
  return concat([moduleInfo.encode({ magic: moduleMagic, offset: moduleInfo.size, size }), body]);
}

function record(type: number, payload: Uint8Array): Uint8Array {
  const body = padded(payload, 4);
  return concat([moduleHeader.encode({ type, size: moduleHeader.size + body.length }), body]);
}

/** The file bytes of the one LOAD segment of kernel.img (ELF32): modules are looked for right behind them, where the BSS starts. */
function kernelSegment(elf: Uint8Array): Uint8Array {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const programHeaders = view.getUint32(28, true);
  const entrySize = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  const loads: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const at = programHeaders + index * entrySize;
    const isLoad = view.getUint32(at, true) === 1;
    const offset = view.getUint32(at + 4, true);
    const fileSize = view.getUint32(at + 16, true);
    if (isLoad && fileSize > 0) loads.push(elf.subarray(offset, offset + fileSize));
  }
  const [only, ...others] = loads;
  if (only === undefined || others.length > 0)
    fail("image/unsupported", `cannot link GRUB: its kernel.img has ${loads.length} loadable segments instead of one`);
  const copiedBytes = selfCopyBytes(only);
  if (copiedBytes !== only.length)
    fail(
      "image/unsupported",
      `cannot link GRUB: its kernel.img looks for modules at ${copiedBytes ?? "an unknown place"}, its data end at ${only.length}`,
    );
  return only;
}

/**
 * How many bytes of itself the kernel copies down when it starts, `_edata - _start`: modules must begin exactly there, and the stripped file says it nowhere
 * but in the first `mov $n, %ecx; mov $start, %edi; rep movsb` (grub-core/kern/i386/pc/startup.S).
 */
function selfCopyBytes(kernel: Uint8Array): number | undefined {
  const view = new DataView(kernel.buffer, kernel.byteOffset, Math.min(kernel.byteLength, 64));
  for (let at = 0; at + 12 <= view.byteLength; at++) {
    const isCopy = view.getUint8(at) === 0xb9 && view.getUint8(at + 5) === 0xbf && view.getUint16(at + 10) === 0xf3a4;
    if (isCopy) return view.getUint32(at + 1, true);
  }
  return undefined;
}

function part(files: Tree, name: string): Uint8Array {
  return readAll(packageFile(files, `${directory}/${name}`, packageName, "link GRUB"));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

function padded(bytes: Uint8Array, multiple: number): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / multiple) * multiple);
  whole.set(bytes);
  return whole;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
