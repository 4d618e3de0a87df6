import { openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { errnoOf } from "../../core/errors.ts";
import { findEntry, indexEntryStruct } from "./cluster-index.ts";

/** The clusters of an image's last build, as threads share them. */
export interface KnownClusters {
  readonly entries: Uint8Array;
  readonly dataPath: string;
}

/** What a cluster of that digest was compressed to, if that is known; the cluster itself if it does not become smaller. Valid until the next call. */
export type LookUp = (digest: Uint8Array, cluster: Uint8Array) => Uint8Array | undefined;

/** The file stays open as long as the thread lives. One that cannot be read is as if it had nothing. */
export function openKnownClusters({ entries, dataPath }: KnownClusters, clusterBytes: number): LookUp {
  const buffer = new Uint8Array(clusterBytes);
  try {
    const fd = openSync(dataPath, "r");
    return (digest, cluster) => {
      const at = findEntry(entries, digest);
      if (at === undefined) return undefined;
      const { offsetBytes, lengthBytes, checksum } = indexEntryStruct.decode(entries, at);
      if (lengthBytes === clusterBytes) return cluster;
      const compressed = buffer.subarray(0, lengthBytes);
      const isThere = readSync(fd, compressed, 0, compressed.length, offsetBytes) === lengthBytes;
      return isThere && crc32(compressed) === checksum ? compressed : undefined;
    };
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return () => undefined;
  }
}
