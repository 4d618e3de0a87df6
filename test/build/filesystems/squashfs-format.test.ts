import { inflateSync, zstdDecompressSync } from "node:zlib";
import { xz } from "@napi-rs/lzma";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCompress } from "../../../src/build/filesystems/squashfs-compress.ts";
import { createDecompress } from "../../../src/build/filesystems/squashfs-decompress.ts";
import * as format from "../../../src/build/filesystems/squashfs-format.ts";
import { type ListingEntry, writeListing } from "../../../src/build/filesystems/squashfs-listing.ts";
import { lookupTable, MetadataWriter } from "../../../src/build/filesystems/squashfs-metadata.ts";
import { readDirectory } from "../../../src/build/filesystems/squashfs-read-directory.ts";
import { LookupReader, MetadataReader, MetadataTable } from "../../../src/build/filesystems/squashfs-read-metadata.ts";
import { xzDecompress } from "../../../src/build/filesystems/squashfs-xz.ts";
import { bytesSource } from "../../../src/core/byte-source.ts";
import { decodeName } from "../../../src/core/names.ts";
import { pattern } from "./images.ts";
import { problemsOf } from "./requests.ts";
import { expectRoundTrip } from "./struct-arbitrary.ts";

test.each([
  format.inodeHeader,
  format.directoryInode,
  format.longDirectoryInode,
  format.fileInode,
  format.longFileInode,
  format.symlinkInode,
  format.deviceInode,
  format.longDeviceInode,
  format.specialInode,
  format.longSpecialInode,
  format.listingHeader,
  format.listingEntry,
  format.indexEntry,
  format.fragmentEntry,
  format.xattrEntry,
  format.xattrId,
  format.xattrTableHeader,
])("$name comes back as it was written", (structure) => expectRoundTrip(structure));

test("a superblock comes back as it was written, with tables and without", () => {
  const table = fc.option(fc.maxSafeInteger().map(Math.abs), { nil: undefined });
  fc.assert(
    fc.property(table, table, table, (xattrTable, fragmentTable, exportTable) => {
      const encoded = format.superblock.encode({ magic: format.magic, xattrTable, fragmentTable, exportTable });
      expect(format.superblock.decode(encoded)).toMatchObject({ magic: format.magic });
      const decoded = format.superblock.decode(encoded);
      expect([decoded.xattrTable, decoded.fragmentTable, decoded.exportTable]).toEqual([
        xattrTable,
        fragmentTable,
        exportTable,
      ]);
    }),
  );
});

test("references and device numbers come back", () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 31 - 1),
      fc.nat(65_535),
      fc.nat(4095),
      fc.nat(2 ** 20 - 1),
      (block, offset, major, minor) => {
        expect(format.placeOf(format.reference({ block, offset }))).toEqual({ block, offset });
        expect(format.decodeDevice(format.encodeDevice(major, minor))).toEqual({ major, minor });
      },
    ),
  );
});

test("a size that no block has is large, not negative", () => {
  // It made arrays of negative length.
  expect(format.dataLength(0xfe000000)).toBe(0xfe000000);
  expect(format.dataLength(format.dataStored | 5)).toBe(5);
});

/** Somebody else's decoders. */
const decoders = {
  zstd: (bytes: Uint8Array) => zstdDecompressSync(bytes),
  gzip: (bytes: Uint8Array) => inflateSync(bytes),
  xz: (bytes: Uint8Array) => xz.decompressSync(bytes),
};

describe.each(["zstd", "xz", "gzip"] as const)("%s", (compression) => {
  const compress = createCompress(compression, 131_072);
  const decompress = createDecompress(compression, 131_072);
  const blocks = fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 131_072 }), fc.nat(255))
    .map(([piece, length, salt]) =>
      Uint8Array.from(
        { length },
        (_, at) => ((piece[at % piece.length] as number) + (at % 1000 === 0 ? salt : 0)) & 0xff,
      ),
    );

  test("any block comes back from other people's decoder and from ours", () => {
    fc.assert(
      fc.property(blocks, (block) => {
        const compressed = compress(block);
        if (compressed === undefined) return;
        expect(compressed.length).toBeLessThan(block.length);
        expect(Buffer.compare(decoders[compression](compressed), block)).toBe(0);
        expect(Buffer.compare(decompress(compressed, block.length), block)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test("what becomes more than it may is damaged", () => {
    const compressed = compress(new Uint8Array(131_072)) as Uint8Array;
    expect(problemsOf(() => decompress(compressed, 131_071))[0]?.code).toBe("image/damaged");
  });

  test("what is cut short anywhere is damaged", () => {
    const compressed = Buffer.from(compress(Buffer.from("some text ".repeat(500))) as Uint8Array);
    // What follows the block in a stream of xz is not looked at.
    const end = compression === "xz" ? compressed.length - 24 : compressed.length;
    for (let length = 0; length < end; length++)
      expect(problemsOf(() => decompress(compressed.subarray(0, length), 131_072))[0]?.code).toBe("image/damaged");
  });
});

test("an xz stream whose check sum is wrong is damaged", () => {
  const compressed = Buffer.from(createCompress("xz", 131_072)(new Uint8Array(1000)) as Uint8Array);
  const checkAt = compressed.length - 12 - 12 - 4;
  compressed[checkAt] = (compressed[checkAt] as number) ^ 1;
  expect(() => xzDecompress(compressed, 1000)).toThrow("check sum");
});

/** Compresses nothing. */
const store = () => undefined;

test("metadata of any records is read back from any place", () => {
  const compress = createCompress("gzip", 4096);
  const record = fc.integer({ min: 1, max: 9000 }).map((length) => pattern(length, length));
  const records = fc.array(record, { minLength: 1, maxLength: 12, size: "max" });
  fc.assert(
    fc.property(records, fc.boolean(), (parts, isStored) => {
      const writer = new MetadataWriter(isStored ? store : compress);
      const places = parts.map((part) => {
        const { place } = writer;
        writer.write(part);
        return place;
      });
      const bytes = writer.finish();
      const reader = new MetadataReader(bytesSource(bytes), createDecompress("gzip", 4096));
      const table = new MetadataTable(reader, 0, bytes.length);
      for (const [index, part] of parts.entries())
        expect(table.cursor(places[index] as format.Place).take(part.length)).toEqual(new Uint8Array(part));
    }),
    { numRuns: 50 },
  );
});

test("tables by number are read back, and no number past their end", () => {
  const records = Array.from({ length: 3000 }, (_, index) =>
    format.fragmentEntry.encode({ start: index * 5, size: 9 }),
  );
  const { blocks, places } = lookupTable(records, 100, store);
  const whole = Buffer.concat([new Uint8Array(100), blocks, places]);
  const reader = new MetadataReader(bytesSource(whole), createDecompress("gzip", 4096));
  const table = new LookupReader(reader, "records", 100 + blocks.length, records.length, format.fragmentEntry.size);
  for (const index of [0, 511, 512, 2999]) expect(table.record(index)).toEqual(records[index]);
  expect(problemsOf(() => table.record(3000))[0]?.code).toBe("image/damaged");
});

describe("listings", () => {
  const names = fc
    .uniqueArray(fc.nat(2 ** 31 - 1), { minLength: 1, maxLength: 900, size: "max" })
    .map((numbers) => numbers.map((number) => `${number}`.repeat((number % 4) + 1)).sort())
    .map((list) => list.map((name) => new TextEncoder().encode(name)));

  test("of any entries are read back, whatever their inodes' places and numbers", () => {
    fc.assert(
      fc.property(names, fc.nat(200), fc.nat(40_000), fc.nat(8191), (list, perBlock, jump, startAt) => {
        const entries = list.map(
          (name, index): ListingEntry => ({
            name,
            type: 1 + (index % 7),
            number: 100_000 + (index % 5 === 0 ? jump : index),
            place: { block: Math.floor(index / (perBlock + 1)) * 100, offset: (index * 40) % 8192 },
          }),
        );
        const writer = new MetadataWriter(store);
        writer.write(new Uint8Array(startAt));
        const listing = writeListing(entries, writer);
        const bytes = writer.finish();
        const table = new MetadataTable(
          new MetadataReader(bytesSource(bytes), createDecompress("gzip", 4096)),
          0,
          bytes.length,
        );
        const inode = { number: 1, listing: listing.place, listingBytes: listing.sizeBytes };
        const read = [...readDirectory(inode as Parameters<typeof readDirectory>[0], table)];
        expect(read).toEqual(entries.map(({ name, type, place }) => ({ name: decodeName(name), type, place })));
        expectIndex(listing.index, listing.place, entries, table);
      }),
      { numRuns: 60 },
    );
  });

  /** As the kernel's get_dir_index_using_name: each entry leads to a header whose first name it has, and each lies in another block. */
  function expectIndex(
    index: readonly Uint8Array[],
    start: format.Place,
    entries: readonly ListingEntry[],
    table: MetadataTable,
  ): void {
    let before = start.block;
    for (const bytes of index) {
      const { listingOffset, block, nameBytes } = format.indexEntry.decode(bytes);
      const name = decodeName(bytes.subarray(format.indexEntry.size));
      expect(name.length).toBe(nameBytes + 1);
      expect(block).toBeGreaterThan(before);
      before = block;
      const cursor = table.cursor({ block, offset: (start.offset + listingOffset) % format.metadataBytes });
      format.listingHeader.decode(cursor.take(format.listingHeader.size));
      const first = format.listingEntry.decode(cursor.take(format.listingEntry.size));
      expect(decodeName(cursor.take(first.nameBytes + 1))).toBe(name);
    }
    const bytes = entries.reduce((sum, entry) => sum + entry.name.length + format.listingEntry.size, 0);
    // One for each block that a long listing goes on into.
    if (bytes <= format.metadataBytes) expect(index).toEqual([]);
    else expect(index.length).toBeGreaterThanOrEqual(Math.floor(bytes / format.metadataBytes) - 1);
  }
});
