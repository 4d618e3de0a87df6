import { composeSource, type Extent } from "../../core/byte-source.ts";
import { CloudimgError, fail, type Problem } from "../../core/errors.ts";
import { encodeName } from "../../core/names.ts";
import { parseUuid } from "../../core/seed.ts";
import type { FileNode, Node, Tree } from "../../core/tree.ts";
import type { FileSystemPlan, FileSystemRequest, FileSystemWriter } from "./filesystem-writer.ts";
import { type IsoBoot, leastImageBytes } from "./iso9660-boot.ts";
import { readTree } from "./iso9660-directories.ts";
import { longDate, sectorBytes } from "./iso9660-format.ts";
import { layOut } from "./iso9660-layout.ts";

/** ISO 9660 for whole systems, with no boot image; see `iso9660Writer`. */
export const iso9660: FileSystemWriter = iso9660Writer();

/**
 * ISO 9660 (ECMA-119, level 3) with Rock Ridge, Joliet and, if told what to boot, El Torito. Directories may be deeper than the standard's eight levels, as
 * xorriso makes them too: every reader of today goes as deep. Files of 4 GiB and more take several extents. A disc has no free space, so `freeBytes` asks for nothing.
 */
export function iso9660Writer(options: { readonly boot?: IsoBoot } = {}): FileSystemWriter {
  return { name: "iso9660", plan: (request) => planIso(request, options.boot) };
}

/**
 * As mkisofs and xorriso pad too. Who reads a drive whose size it does not know reads ahead past the last file: GRUB does so with the BIOS, 32 KiB at a time, and takes what was
 * in the buffer for content if the disc ends there.
 */
const padSectors = 150;
const mostSectors = 2 ** 32 - 1;
/** Path tables count directories with 16 bits. */
const mostDirectories = 0xffff;
const longestNameBytes = 255;
/** The largest 32-bit number means "nobody" to chown(2). */
const largestId = 2 ** 32 - 2;

function planIso(request: FileSystemRequest, boot: IsoBoot | undefined): FileSystemPlan {
  const { tree, size, label, epochSeconds } = request;
  check(tree, label, boot);
  const hundredths = hundredthsOf(request);
  const { source, sectors, fileSectors } = layOut(readTree(tree), {
    ...{ label, epochSeconds, hundredths, boot, padSectors },
  });
  if (sectors > mostSectors)
    fail("image/unsupported", "cannot make an ISO 9660 disc: its contents need more than 8 TiB");
  const sizeBytes = "exactBytes" in size ? size.exactBytes : source.sizeBytes;
  if (sizeBytes < source.sizeBytes)
    fail(
      "image/disk-too-small",
      `cannot make an ISO 9660 disc of ${sizeBytes} bytes: its contents need ${source.sizeBytes} bytes`,
      { hint: "leave the size to be computed, or put less into it" },
    );
  return {
    source: sizeBytes === source.sizeBytes ? source : composeSource(sizeBytes, [{ offsetBytes: 0, source }]),
    freeBytes: 0,
    notes: [
      "2 KiB sectors",
      ...(boot?.bios ? [`BIOS boots ${boot.bios.path}`] : []),
      ...(boot?.efi ? [`UEFI boots ${boot.efi.path}`] : []),
    ],
    features: [
      ...(boot ? [{ name: "el-torito", reason: "firmware finds boot images by its catalog" }] : []),
      { name: "joliet", reason: "long names for Windows, which does not know Rock Ridge" },
      { name: "rock-ridge", reason: "owners, modes, links and devices, for Linux and GRUB" },
    ],
    locate: (path) => locate(tree.get(path), fileSectors),
  };
}

/** The id of the disc that a request makes, as blkid(8) prints it and GRUB's `search --fs-uuid` compares it: the time of its last change. */
export function isoUuid(request: Pick<FileSystemRequest, "uuid" | "epochSeconds">): string {
  const digits = Buffer.from(longDate(request.epochSeconds, hundredthsOf(request)).subarray(0, 16)).toString("latin1");
  return [digits.slice(0, 4), ...(digits.slice(4).match(/../g) ?? [])].join("-");
}

/** The one part of the time that nobody looks at tells discs of one time apart. */
function hundredthsOf({ uuid }: Pick<FileSystemRequest, "uuid">): number {
  return new DataView(parseUuid(uuid).buffer).getUint32(0) % 100;
}

function locate(node: Node | undefined, fileSectors: ReadonlyMap<FileNode, number>): readonly Extent[] | undefined {
  if (node?.type !== "file") return undefined;
  const sector = fileSectors.get(node);
  if (sector === undefined) return [];
  return [{ offsetBytes: sector * sectorBytes, lengthBytes: node.content.sizeBytes }];
}

function check(tree: Tree, label: string, boot: IsoBoot | undefined): void {
  const problems: Problem[] = [];
  const complain = (message: string, hint?: string) => problems.push({ code: "image/unsupported", message, hint });
  if (!/^[\x20-\x7e]{0,32}$/.test(label))
    complain(`cannot label an ISO 9660 disc "${label}"`, "use up to 32 characters of ASCII");
  let directories = 0;
  for (const [path, node] of tree.entries()) {
    if (node.type === "directory") directories++;
    for (const reason of reasonsAgainst(path, node)) complain(`cannot put ${path} on an ISO 9660 disc: ${reason}`);
  }
  if (directories > mostDirectories)
    complain(`cannot make an ISO 9660 disc of ${directories} directories: it has at most ${mostDirectories}`);
  for (const [path, leastBytes] of [
    ...(boot?.bios ? [[boot.bios.path, leastImageBytes(boot.bios)] as const] : []),
    ...(boot?.efi ? [[boot.efi.path, 1] as const] : []),
  ]) {
    const node = tree.get(path);
    if (node?.type !== "file") complain(`cannot boot from ${path}: there is no such file on the disc`);
    else if (node.content.sizeBytes < leastBytes)
      complain(`cannot boot from ${path}: it is ${node.content.sizeBytes} bytes long, and ${leastBytes} are the least`);
  }
  if (problems.length > 0) throw new CloudimgError(problems);
}

function reasonsAgainst(path: string, node: Node): string[] {
  const reasons: string[] = [];
  const nameBytes = encodeName(path.slice(path.lastIndexOf("/") + 1)).length;
  if (nameBytes > longestNameBytes)
    reasons.push(`its name is ${nameBytes} bytes long, and ${longestNameBytes} are the limit`);
  if (path.includes("\0")) reasons.push("its name contains a NUL");
  if (node.xattrs !== undefined && node.xattrs.size > 0) reasons.push("it has no extended attributes");
  for (const [what, id] of [
    ["user", node.uid],
    ["group", node.gid],
  ] as const)
    if (!Number.isInteger(id) || id < 0 || id > largestId)
      reasons.push(`its ${what} id ${id} is not between 0 and ${largestId}`);
  // Linux would take the number for a small one of another major; see `deviceNumbers`.
  if ("major" in node && node.major === 0 && node.minor > 0xff)
    reasons.push(`its device number ${node.major}:${node.minor} cannot be written`);
  if (node.type === "symlink" && node.target === "") reasons.push("its target is empty");
  return reasons;
}
