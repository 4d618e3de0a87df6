import { closeSync, openSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type ByteSource, fileSource } from "../core/byte-source.ts";
import { CloudimgError } from "../core/errors.ts";
import type { CheckFacts } from "../examine/check-facts.ts";
import type { ImportFacts, ImportInspector } from "../rehearsal/import-facts.ts";

/** What is read at once: the rehearsal's servers answer in between. */
const chunkBytes = 1024 * 1024;

type Contents = Pick<
  ImportFacts,
  "table" | "bootsBy" | "hasRoot" | "hasVirtio" | "hasNvme" | "hasCloudInit" | "hasOwnInitializer"
>;
const noContents: Contents = {
  ...{ table: undefined, bootsBy: [], hasRoot: false, hasVirtio: false, hasNvme: false },
  ...{ hasCloudInit: false, hasOwnInitializer: false },
};

/**
 * Opens an image as an import does: format, partitions, root, drivers. All that the file holds is read once, for an import converts it. What cannot be looked into,
 * as a root of a kind that we do not read, is taken for good. A bad file is told, never thrown.
 *
 * Errors: those of the host, if there is no such file.
 */
export const inspectImport: ImportInspector = async (path) => {
  const { examineImage } = await import("../examine/open.ts");
  const { gatherFacts } = await import("../examine/check-facts.ts");
  const sniffed = await sniff(path);
  const { reader, format, fileSizeBytes } = sniffed;
  const nothing: ImportFacts = { format, fileSizeBytes, virtualSizeBytes: 0, isWhole: true, ...noContents };
  if (fileSizeBytes === 0) return { ...nothing, damage: "the file is empty" };
  try {
    const examined = examineImage(path, { format: reader });
    try {
      const { disk, otherFiles } = examined.image;
      const dataBytes = disk.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      const sizes = { ...nothing, virtualSizeBytes: disk.sizeBytes, dataBytes };
      if (otherFiles.length > 0) return { ...sizes, isWhole: false };
      // Of a raw disk everything can be read, and most of it may be holes.
      if (format !== "raw") await readThrough(disk);
      const facts = gatherFacts(examined);
      const isNothing = format === "raw" && facts.inspection.table === undefined && !hasKnownVolume(facts);
      return { ...sizes, ...(isNothing && { format: "unknown" as const }), ...(await contentsOf(facts)) };
    } finally {
      examined.close();
    }
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    // The file itself is there: another one is not.
    return { ...nothing, isWhole: error.code !== "image/not-found", damage: error.message };
  }
};

/** What the file says that it is, whatever its name. */
async function sniff(path: string) {
  const { imageReaders } = await import("../build/disk-formats/readers.ts");
  const fd = openSync(path, "r");
  try {
    const source = fileSource(fd);
    const reader = imageReaders.find(({ detect }) => detect({ path, source }))?.name ?? "raw";
    return {
      reader,
      format: formats.find((name) => reader === name) ?? ("unknown" as const),
      fileSizeBytes: source.sizeBytes,
    };
  } finally {
    closeSync(fd);
  }
}

const formats = ["raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi"] as const;

/** Errors: `image/damaged`. */
async function readThrough(disk: ByteSource): Promise<void> {
  const chunk = new Uint8Array(chunkBytes);
  for (const { offsetBytes, lengthBytes } of disk.extents)
    for (let done = 0; done < lengthBytes; done += chunkBytes) {
      disk.read(chunk.subarray(0, Math.min(chunkBytes, lengthBytes - done)), offsetBytes + done);
      await nextTurn();
    }
}

async function contentsOf(facts: CheckFacts): Promise<Contents> {
  const { hasCloudInit, hasOwnInitializer, systemRules } = await import("../examine/check-system-rules.ts");
  const { isCloudInitOff } = await import("../examine/cloud-init.ts");
  const { inspection, root, bootsBios, bootsUefi, cmdlines } = facts;
  const isClosed = root === undefined && hasUnreadableVolume(facts);
  const name = inspection.table?.name;
  return {
    table: name === "mbr" || name === "gpt" ? name : undefined,
    bootsBy: [...(bootsBios ? (["bios"] as const) : []), ...(bootsUefi ? (["uefi"] as const) : [])],
    hasRoot: root !== undefined || isClosed,
    hasVirtio: isClosed || (root !== undefined && systemRules["no-virtio"](facts).length === 0),
    hasNvme: isClosed || (root !== undefined && systemRules["no-nvme"](facts).length === 0),
    hasCloudInit: isClosed || (root !== undefined && hasCloudInit(root.tree) && !isCloudInitOff(root.tree, cmdlines)),
    hasOwnInitializer: root !== undefined && hasOwnInitializer(root.tree),
  };
}

function hasKnownVolume({ volumes }: CheckFacts): boolean {
  return volumes.some(({ kind }) => kind !== undefined);
}

function hasUnreadableVolume({ volumes }: CheckFacts): boolean {
  return volumes.some(({ kind, isReadable }) => kind !== undefined && kind !== "swap" && !isReadable);
}
