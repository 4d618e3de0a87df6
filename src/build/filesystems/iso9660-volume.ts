import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { bootRecordStruct, bootRecordType, bootSystemId } from "./iso9660-boot-format.ts";
import {
  descriptorTypes,
  firstDescriptorSector,
  recordStruct,
  sectorBytes,
  standardId,
  volumeDescriptorStruct,
} from "./iso9660-format.ts";

/** What the volume descriptors say, checked. */
export interface IsoVolume {
  /** Extents count in these. */
  readonly blockBytes: number;
  readonly sizeBytes: number;
  readonly root: ExtentPlace;
  /** The root of Joliet's tree, if there is one. */
  readonly jolietRoot: ExtentPlace | undefined;
  readonly label: string;
  readonly created: Uint8Array;
  readonly modified: Uint8Array;
  readonly application: string;
  readonly preparer: string;
  readonly catalogSector: number | undefined;
  readonly problems: readonly string[];
}

export interface ExtentPlace {
  readonly block: number;
  readonly sizeBytes: number;
}

/** More than any disc has; a damaged one may have no end of them. */
const mostDescriptors = 64;

/** Escape sequences of UCS-2 levels 1 to 3. */
const jolietEscapes = ["%/@", "%/C", "%/E"];

export function looksLikeIso(source: ByteSource): boolean {
  const descriptor = descriptorAt(source, 0);
  return descriptor !== undefined && text(descriptor.subarray(1, 6)) === standardId;
}

/** Errors: `image/damaged`, `image/unsupported`. */
export function readVolume(source: ByteSource): IsoVolume {
  let primary: ReturnType<typeof volumeDescriptorStruct.decode> | undefined;
  let jolietRoot: ExtentPlace | undefined;
  let catalogSector: number | undefined;
  const problems: string[] = [];
  let isEnded = false;
  for (let index = 0; index < mostDescriptors && !isEnded; index++) {
    const bytes = descriptorAt(source, index);
    if (bytes === undefined || text(bytes.subarray(1, 6)) !== standardId) break;
    const descriptor = volumeDescriptorStruct.decode(bytes);
    if (descriptor.type === descriptorTypes.terminator) isEnded = true;
    else if (descriptor.type === descriptorTypes.primary) primary ??= descriptor;
    else if (descriptor.type === descriptorTypes.supplementary) {
      if (jolietEscapes.includes(text(descriptor.escapeSequences.subarray(0, 3))))
        jolietRoot ??= placeOf(descriptor.rootRecord);
    } else if (descriptor.type === bootRecordType) {
      const boot = bootRecordStruct.decode(bytes);
      if (boot.bootSystemId === bootSystemId) catalogSector ??= boot.catalogSector;
    }
  }
  if (primary === undefined) damaged("it has no primary volume descriptor");
  if (!isEnded) problems.push("its volume descriptors have no end");
  const { blockBytes, volumeSectors } = primary;
  if (![512, 1024, 2048].includes(blockBytes)) damaged(`its blocks have ${blockBytes} bytes`);
  const sizeBytes = volumeSectors * blockBytes;
  if (sizeBytes > source.sizeBytes)
    problems.push(`it says that it has ${sizeBytes} bytes, and there are ${source.sizeBytes}`);
  return {
    ...{ blockBytes, sizeBytes, jolietRoot, catalogSector, problems },
    root: placeOf(primary.rootRecord),
    label: text(primary.volumeId).replace(/[ \0]+$/, ""),
    created: primary.created,
    modified: primary.modified,
    application: text(primary.applicationId).replace(/[ \0]+$/, ""),
    preparer: text(primary.preparerId).replace(/[ \0]+$/, ""),
  };
}

function placeOf(rootRecord: Uint8Array): ExtentPlace {
  const { extentSector, attributeSectors, dataBytes } = recordStruct.decode(rootRecord);
  return { block: extentSector + attributeSectors, sizeBytes: dataBytes };
}

function descriptorAt(source: ByteSource, index: number): Uint8Array | undefined {
  const offset = (firstDescriptorSector + index) * sectorBytes;
  if (offset + sectorBytes > source.sizeBytes) return undefined;
  const bytes = new Uint8Array(sectorBytes);
  source.read(bytes, offset);
  return bytes;
}

/** Labels are ASCII by the standard, and UTF-8 where people did not care. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

export function damaged(reason: string): never {
  return fail("image/damaged", `cannot read the ISO 9660 file system: ${reason}`);
}
