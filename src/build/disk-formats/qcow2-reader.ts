import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { ExtentList, inheritExtents } from "./extent-list.ts";
import type { ImageReader } from "./image-reader.ts";
import { openClusters } from "./qcow2-cluster-reader.ts";
import { magic } from "./qcow2-format.ts";
import { type Qcow2Header, readQcow2Header } from "./qcow2-header-reader.ts";
import { type MappedPart, openQcow2Map } from "./qcow2-map-reader.ts";
import { readSnapshotNames } from "./qcow2-snapshots-reader.ts";

const sectorBytes = 512;

/** QEMU's copy-on-write format, versions 2 and 3. Of an image with internal snapshots, its present state is read. */
export const qcow2Reader: ImageReader = {
  name: "qcow2",
  detect({ source }) {
    if (source.sizeBytes < 8) return false;
    const head = new Uint8Array(4);
    source.read(head, 0);
    return new DataView(head.buffer).getUint32(0) === magic;
  },
  read(file, openOther) {
    const { path, source } = file;
    const damaged = (reason: string): never => fail("image/damaged", `cannot read ${path}: ${reason}`);
    const header = readQcow2Header(file);
    // As QEMU does.
    const sizeBytes = header.sizeBytes - (header.sizeBytes % sectorBytes);
    if (sizeBytes === 0) damaged("its disk is empty");
    const data = header.dataFile === undefined ? undefined : openOther(header.dataFile, "raw");
    const backing = header.backing && openOther(header.backing.name, header.backing.format);
    const clusterSource = data?.disk ?? source;
    const map = openQcow2Map({ ...header, sizeBytes }, source, clusterSource.sizeBytes, damaged);
    const clusterAt = openClusters(header, source, damaged);
    const extents = new ExtentList();
    const inherit = inheritExtents(extents, backing?.disk.extents ?? []);
    for (const { type, offsetBytes, lengthBytes } of map.parts()) {
      if (type === "backing") inherit(offsetBytes, offsetBytes + lengthBytes);
      else if (type !== "zero") extents.add(offsetBytes, lengthBytes);
    }
    const snapshots = header.snapshots.count === 0 ? [] : readSnapshotNames(source, header.snapshots);

    function readPart(target: Uint8Array, part: MappedPart, offsetBytes: number): void {
      const { type, hostOffset, hostBytes } = part;
      if (type === "data") readUpToEnd(clusterSource, target, hostOffset, damaged);
      else if (type === "compressed") {
        const inside = offsetBytes % header.clusterBytes;
        target.set(clusterAt(hostOffset, hostBytes).subarray(inside, inside + target.length));
      } else if (type === "backing" && backing !== undefined) readBacking(backing.disk, target, offsetBytes);
      else target.fill(0);
    }

    const disk: ByteSource = {
      sizeBytes,
      extents: extents.extents,
      read(target, offsetBytes) {
        for (let at = 0; at < target.length; ) {
          const part = map.partAt(offsetBytes + at);
          let lengthBytes = Math.min(part.lengthBytes, target.length - at);
          // What lies in one piece is read in one.
          while (part.type === "data" && at + lengthBytes < target.length) {
            const next = map.partAt(offsetBytes + at + lengthBytes);
            if (next.type !== "data" || next.hostOffset !== part.hostOffset + lengthBytes) break;
            lengthBytes += Math.min(next.lengthBytes, target.length - at - lengthBytes);
          }
          readPart(target.subarray(at, at + lengthBytes), part, offsetBytes + at);
          at += lengthBytes;
        }
      },
    };
    return {
      format: "qcow2",
      disk,
      details: detailsOf(header, map.counts, snapshots),
      problems: problemsOf(header, map.counts, snapshots),
      otherFiles: [data, backing].flatMap((other) => (other === undefined ? [] : [other.path, ...other.otherFiles])),
      close() {},
    };
  },
};

/** The last cluster of the file may be cut off where its disk ends: the rest is zeros. */
function readUpToEnd(
  source: ByteSource,
  target: Uint8Array,
  hostOffset: number,
  damaged: (reason: string) => never,
): void {
  const there = Math.min(target.length, source.sizeBytes - hostOffset);
  if (there <= 0) damaged(`data lies behind the end of the file, at ${hostOffset}: was it copied completely?`);
  source.read(target.subarray(0, there), hostOffset);
  target.fill(0, there);
}

/** Behind the end of a smaller backing file there are zeros. */
function readBacking(disk: ByteSource, target: Uint8Array, offsetBytes: number): void {
  const there = Math.max(0, Math.min(target.length, disk.sizeBytes - offsetBytes));
  if (there > 0) disk.read(target.subarray(0, there), offsetBytes);
  target.fill(0, there);
}

function clusterSizeText(clusterBytes: number): string {
  if (clusterBytes < 1024) return `${clusterBytes} bytes`;
  return clusterBytes < 1024 ** 2 ? `${clusterBytes / 1024} KiB` : `${clusterBytes / 1024 ** 2} MiB`;
}

type Counts = { readonly compressed: number; readonly plain: number; readonly behindEnd: number };

function detailsOf(
  header: Qcow2Header,
  counts: Counts,
  snapshots: readonly string[] | undefined,
): (readonly [string, string])[] {
  const details: (readonly [string, string])[] = [
    ["version", header.version === 3 ? "3 (compat 1.1)" : "2 (compat 0.10)"],
    ["cluster size", clusterSizeText(header.clusterBytes)],
    ["clusters", `${counts.compressed} compressed (${header.compression}), ${counts.plain} plain`],
  ];
  if (header.backing !== undefined)
    details.push([
      "backing file",
      `${header.backing.name}${header.backing.format ? ` (${header.backing.format})` : ""}`,
    ]);
  if (header.dataFile !== undefined) details.push(["data file", header.dataFile]);
  if (header.snapshots.count > 0) {
    const names = (snapshots ?? []).map((name) => JSON.stringify(name)).join(", ");
    details.push(["snapshots", `${header.snapshots.count}, not read${names && `: ${names}`}`]);
  }
  if (header.subclusters > 1) details.push(["extended L2", `${header.subclusters} subclusters`]);
  if (header.refcountBits !== 16) details.push(["refcounts", `${header.refcountBits} bits`]);
  if (header.hasLazyRefcounts) details.push(["lazy refcounts", "yes"]);
  if (header.hasBitmaps) details.push(["bitmaps", "yes, not read"]);
  return details;
}

function problemsOf(header: Qcow2Header, counts: Counts, snapshots: readonly string[] | undefined): string[] {
  const problems: string[] = [];
  if (header.isDirty) problems.push("it was not closed properly: its refcounts may be wrong (qemu-img check -r all)");
  if (header.isCorrupt) problems.push("QEMU found it corrupt and marked it so");
  if (header.sizeBytes % sectorBytes !== 0) problems.push(`its disk of ${header.sizeBytes} bytes is not whole sectors`);
  if (counts.behindEnd > 0) problems.push(`data of ${counts.behindEnd} clusters lies behind the end of the file`);
  if (snapshots === undefined) problems.push("its list of snapshots is broken");
  return problems;
}
