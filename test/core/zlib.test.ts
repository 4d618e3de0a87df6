import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createZlibEncoder, zlibStored } from "../../src/core/zlib.ts";

const blocks: Record<string, Uint8Array> = {
  "one byte": Uint8Array.of(7),
  text: Buffer.from("the kernel mounts root and starts init, ".repeat(1000)),
  "all ones, so that sums grow": new Uint8Array(65536).fill(255),
  "one more than a stored part holds": Uint8Array.from({ length: 65536 }, (_, index) => (index * 7919) >> 3),
};

// Node's zlib is the judge: it checks the header and the checksum.
describe("zlib", () => {
  test.each(Object.entries(blocks))("%s: unpacks to what it was", (_, block) => {
    expect(inflateSync(createZlibEncoder(block.length)(block)).equals(block)).toBe(true);
    expect(inflateSync(zlibStored(block)).equals(block)).toBe(true);
  });

  test("nothing at all, stored", () => {
    expect(inflateSync(zlibStored(new Uint8Array(0))).length).toBe(0);
  });
});
