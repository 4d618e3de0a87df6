import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import type { Tree } from "../../core/tree.ts";
import { type IsoNode, readTree } from "./iso9660-directories.ts";
import { largestExtentBytes } from "./iso9660-format.ts";
import { layOut } from "./iso9660-layout.ts";

export interface IsoRequest {
  readonly tree: Tree;
  /** Volume label, in the primary and in the Joliet descriptor as it is given: up to 32 characters of ASCII. Joliet keeps 16. */
  readonly label: string;
  /** The volume's own times, in seconds since 1970. */
  readonly epochSeconds: number;
}

const deepestLevel = 8;

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

  return layOut(root, { label, epochSeconds }).source;
}

function check(entry: IsoNode, level: number): void {
  const { node, path } = entry;
  if (entry.isDirectory && level > deepestLevel)
    fail(
      "image/unsupported",
      `cannot put ${path} on an ISO 9660 disc: it has at most ${deepestLevel} levels of directories`,
    );
  if (node.type === "file" && node.content.sizeBytes > largestExtentBytes)
    fail("image/unsupported", `cannot put ${path} on an ISO 9660 disc: a file must be smaller than 4 GiB`);
  if (node.xattrs !== undefined && node.xattrs.size > 0)
    fail("image/unsupported", `cannot put ${path} on an ISO 9660 disc: it has no extended attributes`);
  for (const child of entry.children) check(child, level + 1);
}
