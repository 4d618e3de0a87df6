import type { Node } from "../../core/tree.ts";
import type { FatDirectory, FatItem } from "./fat-contents.ts";
import { directoryEntryStruct, entryAttributes } from "./fat-format.ts";
import { encodeLongName } from "./fat-names.ts";
import { encodeTime } from "./fat-times.ts";

/** First clusters of directories and files; 0 for what has none: empty files, and a root of its own. */
export type StartOf = (of: FatDirectory | FatItem) => number;

const self = Buffer.from(".".padEnd(11), "latin1");
const above = Buffer.from("..".padEnd(11), "latin1");

/** @param labelEntry for the root */
export function encodeDirectory(directory: FatDirectory, startOf: StartOf, labelEntry: Uint8Array): Uint8Array {
  const { node, parent, items } = directory;
  const parts: Uint8Array[] = [];
  if (parent === undefined) parts.push(labelEntry);
  else {
    // What lies right under the root says 0, also where the root is a chain.
    const parentStart = parent.parent === undefined ? 0 : startOf(parent);
    parts.push(encodeEntry(self, node, startOf(directory)), encodeEntry(above, parent.node, parentStart));
  }
  for (const item of items) {
    if (item.isAlias) parts.push(encodeLongName(item.name, item.shortName));
    parts.push(encodeEntry(item.shortName, item.node, startOf(item.directory ?? item)));
  }
  return Buffer.concat(parts);
}

/** The label's entry, which has a time and nothing else. */
export function encodeLabelEntry(label: Uint8Array, epochSeconds: number): Uint8Array {
  const { date, time } = encodeTime(epochSeconds);
  return directoryEntryStruct.encode({
    name: label,
    attributes: entryAttributes.volumeLabel,
    writtenDate: date,
    writtenTime: time,
  });
}

function encodeEntry(name: Uint8Array, node: Node, start: number): Uint8Array {
  const { date, time, hundredths } = encodeTime(node.mtime);
  return directoryEntryStruct.encode({
    name,
    attributes: node.type === "directory" ? entryAttributes.directory : entryAttributes.archive,
    createdHundredths: hundredths,
    createdTime: time,
    createdDate: date,
    accessedDate: date,
    clusterHigh: start >>> 16,
    writtenTime: time,
    writtenDate: date,
    clusterLow: start & 0xffff,
    sizeBytes: node.type === "file" ? node.content.sizeBytes : 0,
  });
}
