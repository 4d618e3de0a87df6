import { type ByteSource, bytesSource, composeSource, type Piece } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import type { Tree } from "../../core/tree.ts";
import { DirectoryTree, type IsoNode, readTree, type SystemUsePlanner } from "./iso9660-directories.ts";
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
import {
  attributes,
  ContinuationArea,
  extensionsReference,
  namedAttributes,
  sharingProtocol,
} from "./iso9660-rock-ridge.ts";

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
 * An ISO 9660 disc (ECMA-119, level 2) with Rock Ridge for Linux and Joliet for Windows, ready to be read; what config drives are. Equal contents are stored once.
 *
 * Errors: `image/unsupported` for directories deeper than eight levels, files of 4 GiB, extended attributes, labels that do not fit.
 */
export function planIso9660({ tree, label, epochSeconds }: IsoRequest): ByteSource {
  if (!/^[\x20-\x7e]{0,32}$/.test(label))
    fail("image/unsupported", `cannot label an ISO 9660 disc "${label}"`, { hint: "use up to 32 characters of ASCII" });
  const root = readTree(tree);
  check(root, 1);

  const continuation = new ContinuationArea();
  const primary = new DirectoryTree(root, isoNames, rockRidge(root, continuation));
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
  const continuationStart = take(continuation.sectorCount * sectorBytes);
  continuation.placeAt(continuationStart);
  const fileSectors = new Map<ByteSource, number>();
  for (const content of contentsOf(root))
    if (!fileSectors.has(content)) fileSectors.set(content, take(content.sizeBytes));

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
  put(continuationStart, bytesSource(continuation.encode()));
  for (const [content, start] of fileSectors) put(start, content);
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

function rockRidge(root: IsoNode, area: ContinuationArea): SystemUsePlanner {
  return {
    own: (directory, roomBytes) => {
      const entries = attributes(directory.node, directory.linkCount);
      const all = directory === root ? [sharingProtocol, ...entries, extensionsReference] : entries;
      return area.plan(all, roomBytes);
    },
    parent: (directory, roomBytes) => area.plan(attributes(directory.node, directory.linkCount), roomBytes),
    named: ({ name, node, linkCount }, roomBytes) => area.plan(namedAttributes(name, node, linkCount), roomBytes),
  };
}

/** Joliet knows files and directories only; as anything else, links and devices would be files without content. */
function withoutSpecials(entry: IsoNode): IsoNode {
  const children = entry.children.filter(({ node }) => node.type === "file" || node.type === "directory");
  return { ...entry, children: children.map(withoutSpecials) };
}

function* contentsOf(entry: IsoNode): IterableIterator<ByteSource> {
  if (entry.node.type === "file" && entry.node.content.sizeBytes > 0) yield entry.node.content;
  for (const child of entry.children) yield* contentsOf(child);
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
