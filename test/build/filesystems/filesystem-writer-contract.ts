import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type {
  FileSystemPlan,
  FileSystemRequest,
  FileSystemWriter,
} from "../../../src/build/filesystems/filesystem-writer.ts";
import { Tree } from "../../../src/core/tree.ts";
import { attributes, file, pattern } from "./images.ts";
import { problemsOfAsync, request } from "./requests.ts";

/**
 * What every FileSystemWriter promises, whatever the format. `sizeStepBytes`: the unit in which its size can change. One that `isPacked` compresses while it plans,
 * and has neither free space nor a UUID.
 */
export function fileSystemWriterContract(
  writer: FileSystemWriter,
  sizeStepBytes: number,
  { isPacked = false }: { isPacked?: boolean } = {},
): void {
  const tree = new Tree(attributes);
  for (let index = 0; index < 40; index++) tree.set(`/DIR${index % 7}/FILE${index}`, file(pattern(index * 700, index)));
  const context = { signal: new AbortController().signal, jobs: 2 };
  const plan = async (more: Partial<FileSystemRequest> = {}): Promise<FileSystemPlan> =>
    await writer.plan(request(tree, { label: "LABEL", ...more }), context);

  describe(`${writer.name} keeps the contract of file system writers`, () => {
    if (!isPacked) {
      test("planning reads no file", () => {
        const unreadable = {
          sizeBytes: 10_000,
          extents: [{ offsetBytes: 0, lengthBytes: 10_000 }],
          read: () => {
            throw new Error("was read");
          },
        };
        const other = new Tree(attributes);
        other.set("/FILE", file(unreadable));
        expect(() => writer.plan(request(other, { label: "LABEL" }), context)).not.toThrow();
      });

      test("another UUID gives other bytes", async () => {
        const other = await plan({ uuid: "00000000-0000-8000-8000-000000000001" });
        expect(digestOf(other.source)).not.toBe(digestOf((await plan()).source));
      });

      test.each([1, 1_000_000, 300_000_000])("at least %d free bytes are free", async (freeBytes) =>
        expect((await plan({ size: { freeBytes } })).freeBytes).toBeGreaterThanOrEqual(freeBytes),
      );
    }

    test("extents ascend, do not overlap and lie inside the size", async () => {
      const { source } = await plan({ size: { freeBytes: 5_000_000 } });
      let endBytes = 0;
      for (const { offsetBytes, lengthBytes } of source.extents) {
        expect(offsetBytes).toBeGreaterThanOrEqual(endBytes);
        expect(lengthBytes).toBeGreaterThan(0);
        endBytes = offsetBytes + lengthBytes;
      }
      expect(endBytes).toBeLessThanOrEqual(source.sizeBytes);
    });

    test("holes read as zeros, and reading in odd pieces gives the same bytes", async () => {
      const { source } = await plan();
      const whole = new Uint8Array(source.sizeBytes).fill(0xaa);
      source.read(whole, 0);
      let at = 0;
      for (const { offsetBytes, lengthBytes } of source.extents) {
        expect(whole.subarray(at, offsetBytes).every((byte) => byte === 0)).toBe(true);
        at = offsetBytes + lengthBytes;
      }
      const pieces = createHash("sha256");
      for (let from = 0; from < source.sizeBytes; from += 100_003) {
        const piece = new Uint8Array(Math.min(100_003, source.sizeBytes - from)).fill(0xaa);
        source.read(piece, from);
        pieces.update(piece);
      }
      expect(pieces.digest("hex")).toBe(createHash("sha256").update(whole).digest("hex"));
    });

    test("the same request gives the same bytes", async () =>
      expect(digestOf((await plan()).source)).toBe(digestOf((await plan()).source)));

    if (isPacked)
      test("free space is what zeros follow", async () => {
        const { source, freeBytes } = await plan();
        expect(freeBytes).toBe(0);
        const larger = await plan({ size: { exactBytes: source.sizeBytes + 12_345 } });
        expect(larger.freeBytes).toBe(12_345);
      });

    test("an exact size is exact", async () => {
      const exactBytes = 64 * 2 ** 20;
      expect((await plan({ size: { exactBytes } })).source.sizeBytes).toBe(exactBytes);
    });

    test("too small a size says what is needed, and that is exactly what is needed", async () => {
      const [problem] = await problemsOfAsync(() => plan({ size: { exactBytes: sizeStepBytes } }));
      expect(problem?.code).toBe("image/disk-too-small");
      const neededBytes = neededIn(problem?.message);
      expect((await plan({ size: { exactBytes: neededBytes } })).source.sizeBytes).toBe(neededBytes);
      const [less] = await problemsOfAsync(() => plan({ size: { exactBytes: neededBytes - sizeStepBytes } }));
      expect(neededIn(less?.message)).toBe(neededBytes);
    });
  });
}

export function neededIn(message: string | undefined): number {
  return Number(/need (\d+) bytes/.exec(message ?? "")?.[1]);
}

/** Of all data and where it lies. */
export function digestOf({ extents, sizeBytes, read }: FileSystemPlan["source"]): string {
  const hash = createHash("sha256").update(JSON.stringify([sizeBytes, extents]));
  for (const { offsetBytes, lengthBytes } of extents) {
    const bytes = new Uint8Array(lengthBytes);
    read(bytes, offsetBytes);
    hash.update(bytes);
  }
  return hash.digest("hex");
}
