import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { basename } from "node:path";
import type { DiskFormat } from "../../../src/build/disk-formats/disk-format.ts";
import type { ByteSource } from "../../../src/core/byte-source.ts";
import { readWindows } from "../../../src/core/windows.ts";

/** Writes a disk straight into a format's sink, without the hash of its zeros: that takes long for a large disk. The identity is made of where its data is. */
export async function writeImage(
  format: DiskFormat,
  source: ByteSource,
  path: string,
  { compress = true, jobs = 2 } = {},
): Promise<string> {
  const { sizeBytes: diskSizeBytes, extents } = source;
  const { companionSuffix } = format;
  const second = companionSuffix === undefined ? undefined : path.replace(/\.[^.]*$/, companionSuffix);
  const fds = [path, ...(second === undefined ? [] : [second])].map((each) => openSync(each, "w"));
  const companion = second === undefined ? {} : { companion: { name: basename(second), fd: fds[1] as number } };
  try {
    const request = { diskSizeBytes, extents, compress, jobs, clusterSizeBytes: 65536, ...companion };
    const sink = format.open({ ...request, fd: fds[0] as number });
    try {
      await readWindows(source, {
        windowBytes: Math.max(2 * 1024 ** 2, sink.windowBytes),
        signal: new AbortController().signal,
        use: (window) => (window.type === "data" ? sink.write(window.bytes, window.offsetBytes) : undefined),
      });
      const rawSha256 = createHash("sha256")
        .update(JSON.stringify([diskSizeBytes, extents]))
        .digest("hex");
      await sink.finish({ rawSha256 });
    } finally {
      sink.close();
    }
  } finally {
    for (const fd of fds) closeSync(fd);
  }
  return path;
}
