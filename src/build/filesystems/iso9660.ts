import { type ByteSource, bytesSource, composeSource, type Piece } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import type { FileNode, Tree } from "../../core/tree.ts";
import { DirectoryTree, type IsoNode, readTree, type SystemUseEntries } from "./iso9660-directories.ts";
import {
  descriptorTypes,
  firstDescriptorSector,
  longDate,
  noDate,
  sectorBytes,
  standardId,
  volumeDescriptorStruct,
} from "./iso9660-format.ts";
import { encodeUcs2, isoNames, jolietNames } from "./iso9660-names.ts";
import { attributes, extensionsReference, namedAttributes, sharingProtocol } from "./iso9660-rock-ridge.ts";

export interface IsoRequest {
  readonly tree: Tree;
  /** Volume label, in the primary and in the Joliet descriptor as it is given: up to 32 characters of ASCII. Joliet keeps 16. */
  readonly label: string;
  /** The volume's own times, in seconds since 1970. */
  readonly epochSeconds: number;
}

const deepestLevel = 8;
const largestFileBytes = 2 ** 32 - sectorBytes;

/**
 * An ISO 9660 disc (ECMA-119, level 2) with Rock Ridge for Linux and Joliet for Windows, ready to be read; what config drives are. Hard links share their content.
 *
 * Errors: `image/unsupported` for directories deeper than eight levels, files of 4 GiB, extended attributes, labels that do not fit.
 */
export function planIso9660({ tree, label, epochSeconds }: IsoRequest): ByteSource {
  if (!/^[\x20-\x7e]{0,32}$/.test(label))
    fail("image/unsupported", `cannot label an ISO 9660 disc "${label}"`, { hint: "use up to 32 characters of ASCII" });
  const root = readTree(tree);
  check(root, 1);

  const primary = new DirectoryTree(root, isoNames, rockRidge(root));
  const joliet = new DirectoryTree(withoutSpecials(root), jolietNames, undefined);

  // A boot record would come second among the descriptors; a primary one is first, a terminator last.
  let sector = firstDescriptorSector + 3;
  const take = (bytes: number) => {
    const start = sector;
    sector += Math.ceil(bytes / sectorBytes);
    return start;
  };
  const volumes = [primary, joliet].map((directories) => ({
    directories,
    pathTableL: take(directories.pathTableBytes),
    pathTableM: take(directories.pathTableBytes),
    start: 0,
  }));
  for (const volume of volumes) {
    volume.start = sector;
    sector = volume.directories.placeAt(sector);
  }
  const fileSectors = new Map<FileNode, number>();
  for (const file of filesOf(root)) if (!fileSectors.has(file)) fileSectors.set(file, take(file.content.sizeBytes));

  const pieces: Piece[] = [];
  const put = (atSector: number, source: ByteSource) => pieces.push({ offsetBytes: atSector * sectorBytes, source });
  volumes.forEach((volume, index) => {
    const isJoliet = index === 1;
    const descriptor = encodeDescriptor({ ...volume, isJoliet, label, epochSeconds, volumeSectors: sector });
    put(firstDescriptorSector + index, bytesSource(descriptor));
    put(volume.pathTableL, bytesSource(volume.directories.pathTable(true)));
    put(volume.pathTableM, bytesSource(volume.directories.pathTable(false)));
    put(volume.start, bytesSource(volume.directories.encode(fileSectors)));
  });
  put(firstDescriptorSector + 2, bytesSource(encodeTerminator()));
  for (const [file, start] of fileSectors) put(start, file.content);
  return composeSource(sector * sectorBytes, pieces);
}

function check(entry: IsoNode, level: number): void {
  const { node, path } = entry;
  if (entry.isDirectory && level > deepestLevel)
    fail(
      "image/unsupported",
      `cannot put ${path} on an ISO 9660 disc: it has at most ${deepestLevel} levels of directories`,
    );
  if (node.type === "file" && node.content.sizeBytes > largestFileBytes)
    fail("image/unsupported", `cannot put ${path} on an ISO 9660 disc: a file must be smaller than 4 GiB`);
  if (node.xattrs !== undefined && node.xattrs.size > 0)
    fail("image/unsupported", `cannot put ${path} on an ISO 9660 disc: it has no extended attributes`);
  for (const child of entry.children) check(child, level + 1);
}

function rockRidge(root: IsoNode): SystemUseEntries {
  const own = (directory: IsoNode) => attributes(directory.node, directory.linkCount);
  return {
    own: (directory) =>
      directory === root ? [sharingProtocol, ...own(directory), extensionsReference] : own(directory),
    parent: own,
    named: ({ name, node, linkCount }) => namedAttributes(name, node, linkCount),
  };
}

/** Joliet knows files and directories only; as anything else, links and devices would be files without content. */
function withoutSpecials(entry: IsoNode): IsoNode {
  const children = entry.children.filter(({ node }) => node.type === "file" || node.type === "directory");
  return { ...entry, children: children.map(withoutSpecials) };
}

function* filesOf(entry: IsoNode): IterableIterator<FileNode> {
  if (entry.node.type === "file" && entry.node.content.sizeBytes > 0) yield entry.node;
  for (const child of entry.children) yield* filesOf(child);
}

interface DescriptorValues {
  readonly directories: DirectoryTree;
  readonly pathTableL: number;
  readonly pathTableM: number;
  readonly isJoliet: boolean;
  readonly label: string;
  readonly epochSeconds: number;
  readonly volumeSectors: number;
}

function encodeDescriptor(values: DescriptorValues): Uint8Array {
  const { directories, pathTableL, pathTableM, isJoliet, label, epochSeconds, volumeSectors } = values;
  const text = (length: number, content = "") =>
    isJoliet
      ? // A field of odd length has a zero behind its last character.
        encodeUcs2(content.padEnd(length / 2).slice(0, length / 2))
      : Buffer.from(content.padEnd(length), "latin1");
  const date = longDate(epochSeconds);
  return volumeDescriptorStruct.encode({
    type: isJoliet ? descriptorTypes.supplementary : descriptorTypes.primary,
    standardId,
    version: 1,
    systemId: text(32, "LINUX"),
    volumeId: text(32, label),
    volumeSectors,
    // UCS-2 level 3.
    escapeSequences: isJoliet ? Buffer.from("%/E", "latin1") : new Uint8Array(0),
    volumeSetSize: 1,
    volumeSequenceNumber: 1,
    blockBytes: sectorBytes,
    pathTableBytes: directories.pathTableBytes,
    pathTableL,
    pathTableM,
    rootRecord: directories.rootRecord(),
    volumeSetId: text(128),
    publisherId: text(128),
    preparerId: text(128),
    applicationId: text(128, "CLOUDIMG"),
    copyrightFile: text(37),
    abstractFile: text(37),
    bibliographicFile: text(37),
    created: date,
    modified: date,
    expires: noDate,
    effective: noDate,
    fileStructureVersion: 1,
  });
}

function encodeTerminator(): Uint8Array {
  const terminator = new Uint8Array(sectorBytes);
  terminator.set(Uint8Array.of(descriptorTypes.terminator, ...Buffer.from(standardId, "latin1"), 1));
  return terminator;
}
