import { decodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";

/** Files somewhere: in a directory of the guest, on a volume that is not mounted, at a service. As in Host, what cannot be read is undefined. */
export type FileReader = Pick<Host, "readText" | "readBytes" | "list">;

/** Far above what any cloud has an instance read; a damaged size or a file of 100 MB must not eat the memory. */
export const largestFileBytes = 4 << 20;

/** What the readers of volumes know of a file. */
export interface VolumeEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

export interface VolumeTree<Entry extends VolumeEntry> {
  readonly root: Entry;
  entriesOf(directory: Entry): readonly Entry[];
  /** Undefined if it is too large or damaged. */
  contentOf(file: Entry): Uint8Array | undefined;
  /** Whether names that differ only in their case are the same. */
  readonly ignoresCase: boolean;
}

/** Finds files of a volume by their paths. Each directory is read once. */
export function readerOf<Entry extends VolumeEntry>({
  root,
  entriesOf,
  contentOf,
  ignoresCase,
}: VolumeTree<Entry>): FileReader {
  const known = new Map<Entry, readonly Entry[]>();
  const entries = (directory: Entry) => {
    const list = known.get(directory) ?? (directory.isDirectory ? entriesOf(directory) : []);
    known.set(directory, list);
    return list;
  };
  const key = (name: string) => (ignoresCase ? name.toLowerCase() : name);
  const find = (path: string) => {
    let at: Entry | undefined = root;
    for (const name of path.split("/").filter((part) => part !== ""))
      at = at && entries(at).find((entry) => key(entry.name) === key(name));
    return at;
  };
  const content = (path: string) => {
    const file = find(path);
    return file === undefined || file.isDirectory ? undefined : contentOf(file);
  };
  return {
    list: (path) => {
      const directory = find(path);
      return directory === undefined ? [] : entries(directory).map(({ name }) => name);
    },
    readBytes: (path, offsetBytes, lengthBytes) => content(path)?.subarray(offsetBytes, offsetBytes + lengthBytes),
    readText: (path) => {
      const bytes = content(path);
      return bytes && decodeUtf8(bytes);
    },
  };
}

/** A directory of the guest, whose paths begin at `root`; what is too large is not read. */
export function directoryReader(host: Host, root: string): FileReader {
  const read = (path: string) => {
    const bytes = host.readBytes(root + path, 0, largestFileBytes + 1);
    return bytes !== undefined && bytes.length <= largestFileBytes ? bytes : undefined;
  };
  const isSmall = (path: string) => (host.attributes(root + path)?.sizeBytes ?? 0) <= largestFileBytes;
  return {
    list: (path) => host.list(root + path),
    readBytes: (path, offsetBytes, lengthBytes) =>
      isSmall(path) ? read(path)?.subarray(offsetBytes, offsetBytes + lengthBytes) : undefined,
    readText: (path) => {
      const bytes = isSmall(path) ? read(path) : undefined;
      return bytes && decodeUtf8(bytes);
    },
  };
}
