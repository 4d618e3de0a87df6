import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { keptBytes } from "../../src/core/kept-bytes.ts";

const cache = mkdtempSync(join(tmpdir(), "cloudimg-kept-"));
afterAll(() => rmSync(cache, { recursive: true }));
const kept = keptBytes({ directories: { cache, data: cache } });

test("bytes come back by what they are made of, and by nothing else", () => {
  kept.put("word", { a: 1, b: [2] }, Uint8Array.of(1, 2, 3));
  kept.put("word", "empty", new Uint8Array());
  expect([...(kept.get("word", { b: [2], a: 1 }) ?? [])]).toEqual([1, 2, 3]);
  expect(kept.get("word", "empty")).toHaveLength(0);
  expect(kept.get("word", { a: 1, b: [3] })).toBeUndefined();
  expect(kept.get("other", { a: 1, b: [2] })).toBeUndefined();
});

test("what went bad is gone", () => {
  kept.put("bad", 1, Uint8Array.of(1, 2, 3));
  const [path = ""] = globSync(join(cache, "kept/bad/*/*"));
  writeFileSync(path, Uint8Array.of(1, 2, 4, 0, 0, 0, 0));
  expect(kept.get("bad", 1)).toBeUndefined();
  expect(globSync(path)).toEqual([]);
});
