import { fail } from "../../core/errors.ts";
import { formatUuid } from "../../core/seed.ts";
import { bytesAt } from "./block-source.ts";
import type { ImageFile, OpenOther } from "./image-reader.ts";
import { type dynamicHeaderStruct, parentLocatorCount, parentLocatorStruct } from "./vhd-format.ts";

type DynamicHeader = ReturnType<typeof dynamicHeaderStruct.decode>;

/** "Windows Unicode, relative": the only locator that still leads to the parent when both were moved here. */
const relativeLocator = "W2ru";
const longestName = 65536;
/** Under this name a reader tells its id. */
export const idDetail = "id";

/** Opens the disk that a differencing disk changes. Errors: `image/unsupported` if it cannot be found by a relative name, `image/damaged` if another disk has that name. */
export function openParent(file: ImageFile, header: DynamicHeader, openOther: OpenOther): ReturnType<OpenOther> {
  const { path } = file;
  const name = relativeName(file, header);
  if (name === undefined) {
    const full = utf16(header.parentName.subarray(), true);
    fail("image/unsupported", `cannot use ${path}: it holds only the differences from ${JSON.stringify(full)}`, {
      hint: "merge both into one disk with the program that made them",
    });
  }
  const parent = openOther(name, "vhd");
  const id = parent.details.find(([key]) => key === idDetail)?.[1];
  if (id !== formatUuid(header.parentUniqueId))
    fail("image/damaged", `cannot use ${path}: ${parent.path} is not the disk that it was made from`);
  return parent;
}

function relativeName(file: ImageFile, header: DynamicHeader): string | undefined {
  for (let index = 0; index < parentLocatorCount; index++) {
    const locator = parentLocatorStruct.decode(header.parentLocators, index * parentLocatorStruct.size);
    if (locator.platformCode !== relativeLocator || locator.dataLength > longestName) continue;
    const bytes = bytesAt(file, Number(locator.dataOffset), locator.dataLength, "parent's name");
    const name = utf16(bytes, false).replaceAll("\\", "/");
    if (name !== "" && !name.startsWith("/")) return name;
  }
  return undefined;
}

function utf16(bytes: Uint8Array, isBigEndian: boolean): string {
  const text = new TextDecoder(isBigEndian ? "utf-16be" : "utf-16le").decode(bytes);
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}
