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
    ...image.files.map((file): [string, string] => [
      file.format,
      `${file.path}  ${formatBytes(file.sizeBytes)}${file.allocatedBytes < file.sizeBytes * 0.95 ? `, ${formatBytes(file.allocatedBytes)} on disk` : ""}`,
    ]),
    ["SHA-256", `${image.identity} (of the raw disk)`],
  ]);
}

export function table(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([key, value]) => `  ${key.padEnd(12)} ${value}`).join("\n");
}
