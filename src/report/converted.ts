import { formatBytes } from "../core/format.ts";
import { fileRows, table } from "./image.ts";

interface ConvertedFacts {
  readonly input: { readonly path: string; readonly format: string; readonly fileBytes: number };
  readonly diskSizeBytes: number;
  readonly identity: string;
  readonly files: readonly {
    readonly path: string;
    readonly format: string;
    readonly sizeBytes: number;
    readonly allocatedBytes: number;
  }[];
}

/** A converted image, as a short table. */
export function describeConverted({ input, diskSizeBytes, files, identity }: ConvertedFacts): string {
  return table([
    ["from", `${input.format} ${input.path}  ${formatBytes(input.fileBytes)}`],
    ["disk", formatBytes(diskSizeBytes)],
    ...fileRows(files),
    ["SHA-256", `${identity} (of the raw disk)`],
  ]);
}
