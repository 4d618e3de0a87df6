import { type ByteSource, composeSource, emptySource, sliceSource } from "../../core/byte-source.ts";
import { formatBytes } from "../../core/format.ts";
import { encodeName } from "../../core/names.ts";
import { type Node, Tree } from "../../core/tree.ts";
import { type Chain, ChainReader } from "./fat-chains.ts";
import { copyProblems, countClusters, flagProblems } from "./fat-check.ts";
import { decodeLabel, isUsable, type ReadEntry, readDirectory } from "./fat-directory-reader.ts";
import { entryBytes, firstCluster, mostDirectoryEntries } from "./fat-format.ts";
import type { Run } from "./fat-table.ts";
import { damaged, type FatVolume, looksLikeFat, readVolume } from "./fat-volume.ts";
import type { FileSystemReader, ReadFileSystem } from "./filesystem-reader.ts";

/** FAT12, FAT16 and FAT32 by whomever. Times are taken for UTC; modes are what Linux would show, without leave to execute every file. */
export const fatReader: FileSystemReader = { name: "fat", detect: looksLikeFat, read: readFat };

/** PATH_MAX: nobody could open what is deeper. Bounds what a chain of directories in a damaged image can cost. */
const longestPathBytes = 4096;
const mostProblems = 100;

function readFat(source: ByteSource): ReadFileSystem {
  const volume = readVolume(source);
  const chains = new ChainReader(source, volume);
  const problems = [...volume.problems, ...flagProblems(chains, volume)];
  const { tree, label } = readTree(source, volume, chains, problems);
  const { free, bad } = countClusters(source, chains, volume);
  problems.push(...copyProblems(source, volume, free));
  const lost = volume.clusters - free - bad - chains.claimedClusters;
  if (lost > 0) problems.push(`${lost} clusters are in use but belong to no file`);
  const bootLabel = volume.label === undefined ? "" : decodeLabel(volume.label);
  return {
    type: `fat${volume.bits}`,
    label: label ?? (bootLabel === "NO NAME" ? "" : bootLabel),
    uuid: volume.serial === undefined ? "" : formatSerial(volume.serial),
    sizeBytes: volume.sizeBytes,
    freeBytes: free * volume.clusterBytes,
    features: [],
    details: detailsOf(volume, bad),
    problems: problems.length <= mostProblems ? problems : shorten(problems),
    tree,
  };
}

interface Pending {
  readonly path: string;
  readonly read: () => Uint8Array;
}

function readTree(source: ByteSource, volume: FatVolume, chains: ChainReader, problems: string[]) {
  const is32 = volume.bits === 32;
  const origin = `fat${volume.bits}`;
  const tree = new Tree({ origin });
  const pending: Pending[] = [{ path: "/", read: () => rootBytes(source, volume, chains, problems) }];
  let label: string | undefined;
  const complain = (path: string, reason: string) => void problems.push(`${path}: ${reason}`);

  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const read = readDirectory(directory.read(), is32);
    if (directory.path === "/") label = read.label;
    if (read.orphans > 0) complain(directory.path, `${read.orphans} pieces of long names belong to nothing`);
    for (const entry of read.entries) {
      const path = `${directory.path === "/" ? "" : directory.path}/${entry.name}`;
      const chain = follow(entry, chains);
      const refusal = whyLeftOut(path, entry, tree);
      if (refusal !== undefined) {
        complain(directory.path, refusal);
        continue;
      }
      const { node, reason } = nodeOf(path, entry, chain, source, volume, origin);
      if (reason !== undefined) complain(path, reason);
      tree.set(path, node);
      if (entry.isDirectory) pending.push({ path, read: () => directoryBytes(source, volume, chain) });
    }
  }
  return { tree, label };
}

const noChain: Chain = { runs: [], clusters: 0, fault: undefined };

/** Empty files have no cluster, or some that were reserved for them. */
function follow(entry: ReadEntry, chains: ChainReader): Chain {
  const isEmpty = !entry.isDirectory && entry.sizeBytes === 0;
  if (isEmpty && entry.firstCluster === 0) return noChain;
  const chain = chains.follow(entry.firstCluster);
  return isEmpty ? noChain : chain;
}

function whyLeftOut(path: string, { name }: ReadEntry, tree: Tree): string | undefined {
  if (!isUsable(name)) return `the name ${JSON.stringify(name)} is left out: nothing can be called so`;
  if (tree.has(path)) return `the name ${JSON.stringify(name)} is there twice; the second one is left out`;
  if (encodeName(path).length > longestPathBytes)
    return "what is in it is left out: its path is longer than 4096 bytes";
  return undefined;
}

function nodeOf(
  path: string,
  entry: ReadEntry,
  chain: Chain,
  source: ByteSource,
  volume: FatVolume,
  origin: string,
): { node: Node; reason: string | undefined } {
  const { isDirectory, isReadOnly, mtime, sizeBytes } = entry;
  const attributes = {
    mode: (isDirectory ? 0o755 : 0o644) & (isReadOnly ? 0o555 : 0o777),
    uid: 0,
    gid: 0,
    mtime,
    origin,
  };
  const fault = chain.fault === undefined ? undefined : `its chain of clusters ${chain.fault}`;
  if (isDirectory) return { node: { ...attributes, type: "directory" }, reason: fault };
  const roomBytes = chain.clusters * volume.clusterBytes;
  if (roomBytes < sizeBytes) {
    const reason = fault ?? `it has ${sizeBytes} bytes, and its clusters have ${roomBytes}`;
    return { node: { ...attributes, type: "file", content: unreadable(path, sizeBytes, reason) }, reason };
  }
  const surplus = roomBytes - sizeBytes >= volume.clusterBytes ? "it has more clusters than its size needs" : undefined;
  const content = sizeBytes === 0 ? emptySource : contentOf(source, volume, chain.runs, sizeBytes);
  return { node: { ...attributes, type: "file", content }, reason: fault ?? surplus };
}

function contentOf(source: ByteSource, volume: FatVolume, runs: readonly Run[], sizeBytes: number): ByteSource {
  let offsetBytes = 0;
  const pieces = [];
  for (const { first, count } of runs) {
    const lengthBytes = Math.min(count * volume.clusterBytes, sizeBytes - offsetBytes);
    if (lengthBytes <= 0) break;
    pieces.push({ offsetBytes, source: sliceSource(source, offsetOf(volume, first), lengthBytes) });
    offsetBytes += lengthBytes;
  }
  return composeSource(sizeBytes, pieces);
}

function unreadable(path: string, sizeBytes: number, reason: string): ByteSource {
  const read = () => damaged(`${path}: ${reason}`);
  return { sizeBytes, extents: [{ offsetBytes: 0, lengthBytes: sizeBytes }], read };
}

function rootBytes(source: ByteSource, volume: FatVolume, chains: ChainReader, problems: string[]): Uint8Array {
  const { root } = volume;
  if ("cluster" in root) {
    const chain = chains.follow(root.cluster);
    if (chain.fault !== undefined) problems.push(`/: its chain of clusters ${chain.fault}`);
    return directoryBytes(source, volume, chain);
  }
  const bytes = new Uint8Array(root.lengthBytes);
  const end = Math.min(root.offsetBytes + root.lengthBytes, source.sizeBytes);
  if (end > root.offsetBytes) source.read(bytes.subarray(0, end - root.offsetBytes), root.offsetBytes);
  return bytes;
}

/** As much as a directory can have. */
function directoryBytes(source: ByteSource, volume: FatVolume, { runs, clusters }: Chain): Uint8Array {
  const bytes = new Uint8Array(Math.min(clusters * volume.clusterBytes, mostDirectoryEntries * entryBytes));
  let at = 0;
  for (const { first, count } of runs) {
    const length = Math.min(count * volume.clusterBytes, bytes.length - at);
    if (length <= 0) break;
    source.read(bytes.subarray(at, at + length), offsetOf(volume, first));
    at += length;
  }
  return bytes;
}

function offsetOf({ clustersOffsetBytes, clusterBytes }: FatVolume, cluster: number): number {
  return clustersOffsetBytes + (cluster - firstCluster) * clusterBytes;
}

/** As blkid(8) and `/dev/disk/by-uuid` have it. */
function formatSerial(serial: number): string {
  const digits = serial.toString(16).padStart(8, "0").toUpperCase();
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}

function detailsOf(volume: FatVolume, bad: number): (readonly [string, string])[] {
  const { clusterBytes, clusters, fatCount, tableBytes, sectorBytes, reservedSectors, hiddenSectors, oemName } = volume;
  return [
    ["cluster size", clusterBytes < 1024 ? `${clusterBytes} bytes` : `${clusterBytes / 1024} KiB`],
    ["clusters", String(clusters)],
    ...(bad === 0 ? [] : [["bad clusters", String(bad)] as const]),
    ["tables", `${fatCount} of ${formatBytes(tableBytes)}`],
    ["sector size", `${sectorBytes} bytes`],
    ["reserved sectors", String(reservedSectors)],
    ["hidden sectors", String(hiddenSectors)],
    ["made by", oemName],
  ];
}

function shorten(problems: readonly string[]): string[] {
  return [...problems.slice(0, mostProblems), `and ${problems.length - mostProblems} more`];
}
