import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { decompress } from "../../../src/build/packages/decompress.ts";
import { limiter } from "../../../src/core/parallel.ts";

test.each([
  ["gz", gzipSync],
  ["zst", zstdCompressSync],
] as const)("%s: what would become too large is refused in words", async (kind, compress) => {
  const bytes = compress(Buffer.alloc(3_000_000));
  await expect(decompress(bytes, kind, limiter(1), 2_000_000)).rejects.toThrow(
    "it would be larger than 2.0 MB unpacked",
  );
  expect(await decompress(bytes, kind, limiter(1), 3_000_000)).toHaveLength(3_000_000);
});
