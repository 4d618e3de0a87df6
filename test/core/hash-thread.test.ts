import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { createStreamHash } from "../../src/core/hash-thread.ts";

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

test.each([
  ["little data: in this thread", 1000, false],
  ["much data: in a thread of its own", 2 ** 30, true],
])("%s, the same hash", async (_, dataBytes, isShared) => {
  const parts = [Buffer.alloc(70_000, 1), Buffer.alloc(3_000_000), Buffer.from("the end")];
  const hash = createStreamHash(dataBytes);
  try {
    expect(hash.isShared).toBe(isShared);
    const buffer = shared(parts[0] as Buffer);
    await hash.update(buffer);
    // It is done with the bytes.
    buffer.fill(0xff);
    // Those that follow are not waited for.
    void hash.updateZeros(3_000_000);
    void hash.update(shared(parts[2] as Buffer));
    expect(await hash.digest()).toBe(createHash("sha256").update(Buffer.concat(parts)).digest("hex"));
  } finally {
    hash.close();
  }
});
