import { fstatSync } from "node:fs";
import { basename } from "node:path";
import type { ByteSource } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import { createStreamHash } from "../../core/hash-thread.ts";
import { writeOutputs } from "../../core/output.ts";
import { readWindows } from "../../core/windows.ts";
import type { DiskFormat, FormatOptions, ImageSink, WriteRequest } from "./disk-format.ts";

export interface EmitImageRequest {
  readonly source: ByteSource;
  readonly outputs: readonly { readonly format: DiskFormat; readonly path: string }[];
  readonly compress: boolean;
  readonly clusterSizeBytes: number;
  readonly options?: FormatOptions | undefined;
  /** Keeps compressed clusters for the next build of the same image, and uses those of the last one: `clusterCachePath` says where. */
  readonly clusterCache?: string | undefined;
  /** Bytes of the disk's data that are done, out of all. */
  readonly progress?: (doneBytes: number, totalBytes: number) => void;
}

export interface EmittedImage {
  /** In the order of the outputs; the second file of a format that has two follows the first. */
  readonly files: readonly { readonly path: string; readonly format: string; readonly sizeBytes: number }[];
  /** SHA-256 of the raw disk, whether or not it was asked for as a file: the image's identity. */
  readonly rawSha256: string;
}

const smallestWindowBytes = 2 * 1024 * 1024;

/**
 * Writes a disk in all the formats asked for, and computes its SHA-256, in one pass over it. Either all files appear under their names or none.
 * With no outputs it only computes the identity.
 *
 * Errors: those of `writeOutput`; `image/unsupported` from a format.
 */
export async function emitImage(
  request: EmitImageRequest,
  context: Pick<Context, "signal" | "jobs">,
): Promise<EmittedImage> {
  const planned = request.outputs.flatMap(({ format, path }) =>
    outputPaths(format, path).map((each) => ({ format, path: each })),
  );
  const paths = planned.map(({ path }) => path);
  return await writeOutputs(paths, context, async (fds) => {
    const sinks: ImageSink[] = [];
    try {
      let next = 0;
      for (const { format, path } of request.outputs) {
        const fd = fds[next] as number;
        const [, second] = outputPaths(format, path);
        const companion =
          second === undefined ? {} : { companion: { name: basename(second), fd: fds[next + 1] as number } };
        sinks.push(openSink(format, { fd, ...companion }, request, context.jobs));
        next += second === undefined ? 1 : 2;
      }
      const rawSha256 = await feed(sinks, request, context.signal);
      for (const sink of sinks) await sink.finish({ rawSha256 });
      const files = planned.map(({ path, format }, index) => ({
        path,
        format: format.name,
        sizeBytes: fstatSync(fds[index] as number).size,
      }));
      return { files, rawSha256 };
    } finally {
      for (const sink of sinks) sink.close();
    }
  });
}

/** Hands the disk to all sinks; returns its SHA-256. */
async function feed(sinks: readonly ImageSink[], request: EmitImageRequest, signal: AbortSignal): Promise<string> {
  const { source, progress } = request;
  const dataBytes = source.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const hash = createStreamHash(dataBytes, !sinks.some((sink) => sink.hasThreads === true));
  try {
    await readWindows(source, {
      windowBytes: sinks.reduce((bytes, sink) => Math.max(bytes, sink.windowBytes), smallestWindowBytes),
      signal,
      progress,
      isShared: hash.isShared,
      use(window) {
        if (window.type === "hole") return hash.updateZeros(window.lengthBytes);
        // Sinks first: those that compress have their threads busy while this one hashes.
        const written = sinks.map((sink) => sink.write(window.bytes, window.offsetBytes));
        return Promise.all([...written, hash.update(window.bytes)]).then(() => {});
      },
    });
    return await hash.digest();
  } finally {
    hash.close();
  }
}

/** The file of that name, and the second one of a format that has two. */
export function outputPaths({ extension, companionSuffix }: DiskFormat, path: string): string[] {
  if (companionSuffix === undefined) return [path];
  return [path, `${path.endsWith(extension) ? path.slice(0, -extension.length) : path}${companionSuffix}`];
}

function openSink(
  format: DiskFormat,
  files: Pick<WriteRequest, "fd" | "companion">,
  request: EmitImageRequest,
  jobs: number,
): ImageSink {
  const { source, compress, clusterSizeBytes, options, clusterCache } = request;
  return format.open({
    diskSizeBytes: source.sizeBytes,
    extents: source.extents,
    ...files,
    compress,
    clusterSizeBytes,
    options,
    clusterCache,
    jobs,
  });
}
