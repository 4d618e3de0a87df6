import { type ByteSource, bytesSource, composeSource, type Piece } from "../../core/byte-source.ts";
import type { FileNode } from "../../core/tree.ts";
import { encodeBootRecord, encodeCatalog, type IsoBoot, tellPlace } from "./iso9660-boot.ts";
import { DirectoryTree, type IsoNode, type SystemUseEntries } from "./iso9660-directories.ts";
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

export interface IsoValues {
  readonly label: string;
  readonly epochSeconds: number;
  /** Of the time of the last change, which is the disc's id. */
  readonly hundredths?: number;
  /** Paths in it are files of the tree. */
  readonly boot?: IsoBoot | undefined;
  /** Empty sectors behind the contents. */
  readonly padSectors?: number;
}

export interface IsoLayout {
  readonly source: ByteSource;
  readonly sectors: number;
  /** Of files that have content. */
  readonly fileSectors: ReadonlyMap<FileNode, number>;
}

/** Gives everything its sectors: descriptors, path tables, directories, boot catalog, contents. The tree has been checked. */
export function layOut(root: IsoNode, values: IsoValues): IsoLayout {
  const { boot, label, epochSeconds, hundredths = 0, padSectors = 0 } = values;
  const primary = new DirectoryTree(root, isoNames, rockRidge(root));
  const joliet = new DirectoryTree(withoutSpecials(root), jolietNames, undefined);

  // El Torito wants its boot record second among the descriptors; a primary one is first, a terminator last.
  const bootRecords = boot === undefined ? 0 : 1;
  let sector = firstDescriptorSector + 3 + bootRecords;
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
  const catalogSector = boot === undefined ? 0 : take(sectorBytes);
  const fileSectors = new Map<FileNode, number>();
  for (const file of filesOf(root)) if (!fileSectors.has(file)) fileSectors.set(file, take(file.content.sizeBytes));
  sector += padSectors;

  const pieces: Piece[] = [];
  const put = (atSector: number, source: ByteSource) => pieces.push({ offsetBytes: atSector * sectorBytes, source });
  volumes.forEach((volume, index) => {
    const isJoliet = index === 1;
    const descriptor = encodeDescriptor({
      ...{ ...volume, isJoliet, label, epochSeconds, hundredths },
      volumeSectors: sector,
    });
    put(firstDescriptorSector + (isJoliet ? 1 + bootRecords : 0), bytesSource(descriptor));
    put(volume.pathTableL, bytesSource(volume.directories.pathTable(true)));
    put(volume.pathTableM, bytesSource(volume.directories.pathTable(false)));
    put(volume.start, bytesSource(volume.directories.encode(fileSectors)));
  });
  put(firstDescriptorSector + 2 + bootRecords, bytesSource(encodeTerminator()));
  const biosImage = boot?.bios === undefined ? undefined : fileAt(root, boot.bios.path);
  if (boot !== undefined) {
    const placeOf = (path: string) => {
      const file = fileAt(root, path);
      return { startSector: fileSectors.get(file) as number, sizeBytes: file.content.sizeBytes };
    };
    put(firstDescriptorSector + 1, bytesSource(encodeBootRecord(catalogSector)));
    put(catalogSector, bytesSource(encodeCatalog(boot, placeOf)));
  }
  for (const [file, start] of fileSectors)
    put(start, file === biosImage && boot?.bios ? tellPlace(file.content, start, boot.bios) : file.content);
  return { source: composeSource(sector * sectorBytes, pieces), sectors: sector, fileSectors };
}

function fileAt(root: IsoNode, path: string): FileNode {
  let at: IsoNode | undefined = root;
  for (const name of path.split("/").slice(1)) at = at?.children.find((child) => child.name === name);
  if (at?.node.type !== "file") throw new TypeError(`no file ${path}`);
  return at.node;
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
  readonly hundredths: number;
  readonly volumeSectors: number;
}

function encodeDescriptor(values: DescriptorValues): Uint8Array {
  const { directories, pathTableL, pathTableM, isJoliet, label, epochSeconds, hundredths, volumeSectors } = values;
  const text = (length: number, content = "") =>
    isJoliet
      ? // A field of odd length has a zero behind its last character.
        encodeUcs2(content.padEnd(length / 2).slice(0, length / 2))
      : Buffer.from(content.padEnd(length), "latin1");
  const date = longDate(epochSeconds, hundredths);
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
