import { type ByteSource, readAll, sliceSource } from "../../core/byte-source.ts";
import { decodeName } from "../../core/names.ts";
import { snapshotStruct } from "./qcow2-format.ts";

/** QEMU keeps no more. */
const mostSnapshots = 65536;
const mostShown = 20;

/** Names of an image's internal snapshots; undefined if the list is broken. Their contents are not read. */
export function readSnapshotNames(
  source: ByteSource,
  { count, offsetBytes }: { readonly count: number; readonly offsetBytes: number },
): readonly string[] | undefined {
  if (count > mostSnapshots) return undefined;
  const names: string[] = [];
  let at = offsetBytes;
  for (let index = 0; index < Math.min(count, mostShown); index++) {
    if (at + snapshotStruct.size > source.sizeBytes) return undefined;
    const { idBytes, nameBytes, extraBytes } = snapshotStruct.decode(
      readAll(sliceSource(source, at, snapshotStruct.size)),
    );
    const nameAt = at + snapshotStruct.size + extraBytes + idBytes;
    if (nameAt + nameBytes > source.sizeBytes) return undefined;
    names.push(decodeName(readAll(sliceSource(source, nameAt, nameBytes))));
    at = Math.ceil((nameAt + nameBytes) / 8) * 8;
  }
  return names;
}
