import { open, stat } from "node:fs/promises";

export interface ImageFileFacts {
  readonly format: "QCOW2" | "VHD" | "VMDK" | "RAW";
  readonly virtualSizeBytes: number;
  /** Where the service keeps its own copy. Default: it has none, and reads the object. */
  readonly keptPath?: string | undefined;
  /** Why the service cannot take it, in its own code. */
  readonly problem?: { readonly code: string; readonly message: string } | undefined;
}

/** What an import first looks at: the file's own magic numbers, whatever its name and the request say. */
export async function readImageFile(path: string): Promise<ImageFileFacts> {
  const { size } = await stat(path);
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(512);
    await file.read(head, 0, 512, 0);
    const foot = Buffer.alloc(512);
    await file.read(foot, 0, 512, Math.max(0, size - 512));
    // qcow2 specification, "Header": magic, version, …, size at 24.
    if (head.toString("latin1", 0, 4) === "QFI\xfb") {
      const virtualSizeBytes = Number(head.readBigUInt64BE(24));
      const isBacked = head.readBigUInt64BE(8) !== 0n;
      const message = "The image file needs another file, its backing file.";
      return {
        format: "QCOW2",
        virtualSizeBytes,
        ...(isBacked && { problem: { code: "InvalidImageFormat.Malformed", message } }),
      };
    }
    // Virtual Hard Disk Image Format Specification, "Hard Disk Footer Format": cookie, …, current size at 48.
    if (foot.toString("latin1", 0, 8) === "conectix") {
      return { format: "VHD", virtualSizeBytes: Number(foot.readBigUInt64BE(48)) };
    }
    if (head.toString("latin1", 0, 4) === "KDMV") {
      return { format: "VMDK", virtualSizeBytes: Number(head.readBigUInt64LE(12)) * 512 };
    }
    const hasTable = head.readUInt16LE(510) === 0xaa55;
    const message = "The image has no partition table.";
    return {
      format: "RAW",
      virtualSizeBytes: size,
      ...(!hasTable && { problem: { code: "InvalidImageFormat.Malformed", message } }),
    };
  } finally {
    await file.close();
  }
}
