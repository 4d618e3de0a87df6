import { sliceSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { formatUuid } from "../../core/seed.ts";
import { blockSizeText, requireInside } from "./block-source.ts";
import type { ImageReader, ReadImage } from "./image-reader.ts";
import { openBlocks, readDynamicHeader } from "./vhd-block-reader.ts";
import { hasFooter, readFooter, sizeOf } from "./vhd-footer-reader.ts";
import { diskTypes } from "./vhd-format.ts";
import { idDetail, openParent } from "./vhd-parent-reader.ts";

/** The specification's limit is 2 TiB less a little; readers stop there. */
const largestBytes = 2 * 1024 ** 4;

/** Virtual PC's format: fixed, dynamic and, with the disk that it changes, differencing. */
export const vhdReader: ImageReader = {
  name: "vhd",
  detect: hasFooter,
  read(file, openOther): ReadImage {
    const { path } = file;
    const { footer, problems } = readFooter(file);
    const { sizeBytes, problems: sizeProblems } = sizeOf(footer);
    if (sizeBytes === 0) fail("image/damaged", `cannot use ${path}: its disk is empty`);
    if (sizeBytes > largestBytes)
      fail("image/damaged", `cannot use ${path}: a disk of ${sizeBytes} bytes is more than a VHD holds`);
    const told = {
      format: "vhd",
      problems: [...problems, ...sizeProblems],
      close() {},
    };
    const common = [
      ["made by", JSON.stringify(footer.creatorApplication)],
      [idDetail, formatUuid(footer.uniqueId)],
    ] as const;
    if (footer.diskType === diskTypes.fixed) {
      requireInside(file, 0, sizeBytes, "disk");
      const disk = sliceSource(file.source, 0, sizeBytes);
      return { ...told, disk, details: [["type", "fixed"], ...common], otherFiles: [] };
    }
    if (footer.diskType !== diskTypes.dynamic && footer.diskType !== diskTypes.differencing)
      fail("image/damaged", `cannot use ${path}: there is no VHD type ${footer.diskType}`);
    const header = readDynamicHeader(file, Number(footer.dataOffset));
    const isDifferencing = footer.diskType === diskTypes.differencing;
    const parent = isDifferencing ? openParent(file, header, openOther) : undefined;
    const { disk, count } = openBlocks({ file, header, sizeBytes, parent: parent?.disk });
    return {
      ...told,
      disk,
      details: [
        ["type", isDifferencing ? "differencing" : "dynamic"],
        ["block size", blockSizeText(header.blockSize)],
        ["blocks", `${count} of ${Math.ceil(sizeBytes / header.blockSize)}`],
        ...common,
        ...(parent === undefined ? [] : [["parent", parent.path] as const]),
      ],
      otherFiles: parent === undefined ? [] : [parent.path, ...parent.otherFiles],
    };
  },
};
