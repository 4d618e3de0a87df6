import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { xz } from "@napi-rs/lzma";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decompress } from "../../../src/build/packages/decompress.ts";
import { decodeXzBlock, xzBlocks } from "../../../src/build/packages/xz.ts";
import { limiter } from "../../../src/core/parallel.ts";
import { runOracle } from "../../oracles/run.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cloudimg-xz-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Text that does not repeat itself too soon. */
const text = Buffer.from(Array.from({ length: 40_000 }, (_, at) => `${at * 7919} `).join(""));
const decode = (bytes: Uint8Array) => decompress(bytes, "xz", limiter(2));

async function compress(name: string, ...options: string[]): Promise<Buffer> {
  const path = join(directory, name);
  await writeFile(path, text);
  const { status, output } = await runOracle("xz", ["--keep", "--force", ...options, path]);
  expect({ status, output }).toEqual({ status: 0, output: "" });
  return await readFile(`${path}.xz`);
}

describe("xz", () => {
  test.each([
    ["one block", [], 1],
    [
      "several blocks with their sizes, as threads write them",
      ["--threads=2", "--block-size=65536"],
      Math.ceil(text.length / 65_536),
    ],
    ["several blocks without sizes", ["--threads=1", "--block-size=65536"], Math.ceil(text.length / 65_536)],
    ["no check", ["--check=none"], 1],
    ["CRC-32", ["--check=crc32"], 1],
    ["SHA-256", ["--check=sha256", "--block-size=100000"], Math.ceil(text.length / 100_000)],
  ] as const)("%s", async (name, options, count) => {
    const bytes = await compress(name.replaceAll(" ", "-"), ...options);
    expect(xzBlocks(bytes)).toHaveLength(count);
    expect((await decode(bytes)).equals(text)).toBe(true);
  });

  test("several streams, with padding between them and at the end", async () => {
    const one = await compress("streams", "--block-size=100000");
    const both = Buffer.concat([one, Buffer.alloc(8), xz.compressSync(Buffer.from("end")), Buffer.alloc(4)]);
    expect((await decode(both)).equals(Buffer.concat([text, Buffer.from("end")]))).toBe(true);
  });

  test("nothing, compressed", async () => expect(await decode(xz.compressSync(Buffer.alloc(0)))).toHaveLength(0));

  test("a few bytes that cannot be compressed, with and without a check behind them", async () => {
    const few = Buffer.from(Array.from({ length: 40 }, (_, at) => (at * 73 + 11) & 0xff));
    for (let length = 1; length <= few.length; length++) {
      const bytes = few.subarray(0, length);
      expect(await decode(xz.compressSync(bytes))).toEqual(bytes);
    }
    for (const check of ["none", "sha256"])
      for (const length of [1, 2, 3, 4]) {
        const path = join(directory, `few-${check}-${length}`);
        await writeFile(path, few.subarray(0, length));
        const made = await runOracle("xz", ["-k", `--check=${check}`, path]);
        expect(made.status, made.output).toBe(0);
        expect(await decode(await readFile(`${path}.xz`))).toEqual(few.subarray(0, length));
      }
  });

  test("an index that makes little of a block is found out before the block is decoded", async () => {
    const bytes = xz.compressSync(Buffer.alloc(100_000));
    const [block] = xzBlocks(bytes);
    if (block === undefined) throw new Error("there is no block");
    await expect(decodeXzBlock(bytes, { ...block, decodedBytes: 1000 })).rejects.toThrow(
      new SyntaxError("a block has another size than its index says"),
    );
  });

  test("cut anywhere, it is refused", async () => {
    const bytes = await compress("cut", "--block-size=65536");
    for (const length of [
      0,
      5,
      11,
      12,
      100,
      bytes.length - 100,
      bytes.length - 13,
      bytes.length - 12,
      bytes.length - 1,
    ])
      await expect(decode(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow();
  });

  test("a byte of its header, footer or index that is changed is seen", async () => {
    const bytes = await compress("spoilt", "--block-size=65536");
    for (const at of [2, bytes.length - 1, bytes.length - 6, bytes.length - 12]) {
      const bad = Buffer.from(bytes);
      bad[at] = (bad[at] as number) ^ 0x55;
      await expect(decode(bad), `byte ${at}`).rejects.toThrow();
    }
  });
});
