import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DiskFormat, FormatOptions } from "../../../src/build/disk-formats/disk-format.ts";
import { emitImage } from "../../../src/build/disk-formats/emit.ts";
import { raw } from "../../../src/build/disk-formats/raw.ts";
import { bytesSource } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { disks, prose } from "./disks.ts";

export interface Variant {
  readonly name: string;
  readonly compress: boolean;
  readonly clusterSizeBytes: number;
  readonly options?: FormatOptions;
}

export interface ContractOptions {
  readonly variants: readonly Variant[];
  /** qemu-img's name of the format. */
  readonly qemuName: string;
  /** What else must hold of a file that was written. */
  readonly inspect?: (path: string) => Promise<void>;
}

/** What holds for every disk format; qemu-img is the judge. */
export function describeDiskFormat(format: DiskFormat, { variants, qemuName, inspect }: ContractOptions): void {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "cloudimg-format-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const never = new AbortController().signal;

  for (const variant of variants)
    describe(variant.name, () => {
      const { compress, clusterSizeBytes, options } = variant;

      test.each(Object.keys(disks))("%s: reads back the same, whatever the number of jobs", async (name) => {
        const source = (disks[name] as (typeof disks)[string])();
        const path = join(directory, `image${format.extension}`);
        const rawPath = join(directory, "reference");
        const outputs = [
          { format, path },
          { format: raw, path: rawPath },
        ];
        await emitImage({ source, outputs, compress, clusterSizeBytes, options }, { signal: never, jobs: 1 });
        const compared = await runOracle("qemu-img", ["compare", "-f", "raw", "-F", qemuName, rawPath, path]);
        expect(compared).toEqual({ status: 0, output: "Images are identical.\n" });
        await inspect?.(path);
        if (!compress) return;
        const once = digestOf(path);
        await emitImage({ source, outputs, compress, clusterSizeBytes, options }, { signal: never, jobs: 4 });
        expect(digestOf(path)).toBe(once);
      });

      test("an interruption in the middle leaves nothing", async () => {
        const controller = new AbortController();
        const empty = mkdtempSync(join(directory, "interrupted-"));
        const work = emitImage(
          {
            source: bytesSource(prose(12 * 1024 ** 2)),
            outputs: [{ format, path: join(empty, "image") }],
            compress,
            clusterSizeBytes,
            progress: (doneBytes) => doneBytes > 2 * 1024 ** 2 && controller.abort(),
          },
          { signal: controller.signal, jobs: 2 },
        );
        await expect(work).rejects.toMatchObject({ name: "AbortError" });
        expect(readdirSync(empty)).toEqual([]);
      });
    });
}

/** Of a file that may be a large one full of holes: of its size and first megabytes. */
function digestOf(path: string): string {
  const { size } = statSync(path);
  if (size > 64 * 1024 ** 2) return String(size);
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
