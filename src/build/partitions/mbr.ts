import { bytesSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { deriveUint32 } from "../../core/seed.ts";
import { active, bootSignature, entryStruct, sectorBytes, sectorStruct, slotCount } from "./mbr-format.ts";
import { readMbr } from "./mbr-reader.ts";
import type { PartitionTable, PlannedPartition, TableRequest } from "./partition-table.ts";

const typeOfKind: Partial<Record<PlannedPartition["kind"], number>> = { linux: 0x83, esp: 0xef, swap: 0x82, fat: 0x0c };

/** Four primary partitions, 32-bit sector numbers; what BIOS boots from, and what every cloud and small kernel reads. */
export const mbr: PartitionTable = {
  name: "mbr",
  reserved: { startBytes: sectorBytes, endBytes: 0 },
  plan(request) {
    return [{ offsetBytes: 0, source: bytesSource(encodeMbr(request)) }];
  },
  read: readMbr,
};

function encodeMbr({ diskSizeBytes, partitions, seed, bootCode }: TableRequest): Uint8Array {
  const entries = new Uint8Array(slotCount * entryStruct.size);
  const ranges: [startBytes: number, endBytes: number][] = [];
  for (const partition of partitions) {
    const { number, startBytes, sizeBytes, bootable } = partition;
    const endBytes = startBytes + sizeBytes;
    if (number < 1 || number > slotCount)
      fail("image/unsupported", `cannot make partition ${number}: an MBR has ${slotCount} slots`);
    if (startBytes % sectorBytes !== 0 || sizeBytes % sectorBytes !== 0 || sizeBytes === 0)
      throw new RangeError(`partition ${number} is not made of whole sectors`);
    if (startBytes < sectorBytes || endBytes > diskSizeBytes)
      throw new RangeError(`partition ${number} leaves the disk or covers its table`);
    if (ranges.some(([from, to]) => startBytes < to && from < endBytes))
      throw new RangeError(`partition ${number} overlaps another one`);
    ranges.push([startBytes, endBytes]);
    const startLba = startBytes / sectorBytes;
    const sectorCount = sizeBytes / sectorBytes;
    if (startLba + sectorCount > 2 ** 32)
      fail("image/unsupported", `cannot make partition ${number}: it ends beyond 2 TiB, the most an MBR can address`, {
        hint: "make the disk smaller than 2 TiB",
      });
    const offset = (number - 1) * entryStruct.size;
    if (entries[offset + entryStruct.fields.type.offset] !== 0) throw new RangeError(`slot ${number} is taken twice`);
    entryStruct.encodeInto(entries, offset, {
      status: bootable ? active : 0,
      startChs: chsOf(startLba),
      type: typeOf(partition),
      endChs: chsOf(startLba + sectorCount - 1),
      startLba,
      sectorCount,
    });
  }
  const diskSignature = deriveUint32(seed, "mbr signature");
  return sectorStruct.encode({ bootCode: bootCode ?? new Uint8Array(0), diskSignature, entries, bootSignature });
}

/**
 * The MBR in front of a GPT, which tells old tools that the disk is taken: one entry from sector 1 on (UEFI 2.10, section 5.2.3). Its boot flag must be zero, and its
 * signature is not used.
 */
export function encodeProtectiveMbr(lastLba: number, bootCode: Uint8Array | undefined): Uint8Array {
  const sectorCount = Math.min(lastLba, 0xffffffff);
  const entries = new Uint8Array(slotCount * entryStruct.size);
  entryStruct.encodeInto(entries, 0, {
    startChs: Uint8Array.of(0x00, 0x02, 0x00),
    type: 0xee,
    endChs: Uint8Array.of(0xff, 0xff, 0xff),
    startLba: 1,
    sectorCount,
  });
  return sectorStruct.encode({ bootCode: bootCode ?? new Uint8Array(0), entries, bootSignature });
}

function typeOf({ kind, number }: PlannedPartition): number {
  return (
    typeOfKind[kind] ??
    fail("image/unsupported", `cannot make partition ${number}: an MBR has no type for "${kind}" partitions`)
  );
}

/**
 * Cylinder, head and sector for the geometry of 255 heads and 63 sectors that everybody assumes. Ten bits hold the cylinder: what lies beyond
 * is the largest address, which keeps the start at or before the end.
 */
function chsOf(lba: number): Uint8Array {
  const heads = 255;
  const sectors = 63;
  const cylinder = Math.floor(lba / (heads * sectors));
  if (cylinder > 1023) return Uint8Array.of(0xfe, 0xff, 0xff);
  const head = Math.floor(lba / sectors) % heads;
  const sector = (lba % sectors) + 1;
  return Uint8Array.of(head, ((cylinder >> 2) & 0xc0) | sector, cylinder & 0xff);
}
