import { formatBytes } from "../core/format.ts";

interface ImageFacts {
  readonly name: string;
  readonly identity: string;
  readonly diskSizeBytes: number;
  readonly kernelVersion: string;
  readonly files: readonly {
    readonly path: string;
    readonly format: string;
    readonly sizeBytes: number;
    readonly allocatedBytes: number;
  }[];
}

/** A built image, as a short table. */
export function describeImage(image: ImageFacts): string {
  return table([
    ["image", image.name],
    ["disk", `${formatBytes(image.diskSizeBytes)}, kernel ${image.kernelVersion}`],
    ...fileRows(image.files),
    ["SHA-256", `${image.identity} (of the raw disk)`],
  ]);
}

/** A row for each file that was written. */
export function fileRows(files: ImageFacts["files"]): [string, string][] {
  return files.map(({ path, format, sizeBytes, allocatedBytes }) => {
    const onDisk = allocatedBytes < sizeBytes * 0.95 ? `, ${formatBytes(allocatedBytes)} on disk` : "";
    return [format, `${path}  ${formatBytes(sizeBytes)}${onDisk}`];
  });
}

export function table(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([key, value]) => `  ${key.padEnd(12)} ${value}`).join("\n");
}
