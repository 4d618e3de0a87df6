import type { ByteSource } from "../../core/byte-source.ts";
import { formatBytes } from "../../core/format.ts";
import type { FileSystemReader, ReadFileSystem } from "./filesystem-reader.ts";
import { type BootEntry, readCatalog } from "./iso9660-boot-reader.ts";
import { type IsoTree, type NameKind, readTree } from "./iso9660-tree.ts";
import { type IsoVolume, looksLikeIso, readVolume } from "./iso9660-volume.ts";

/** ISO 9660 by whomever: with Rock Ridge, else with Joliet's names, else with the plain ones in lower case. */
export const iso9660Reader: FileSystemReader = { name: "iso9660", detect: looksLikeIso, read: readIso };

const mostProblems = 100;

function readIso(source: ByteSource): ReadFileSystem {
  const volume = readVolume(source);
  const contents = readTree(source, volume);
  const { catalogSector, jolietRoot } = volume;
  const catalog = catalogSector === undefined ? undefined : readCatalog(source, catalogSector);
  const problems = [...volume.problems, ...contents.problems, ...(catalog?.problems ?? [])];
  return {
    type: "iso9660",
    label: volume.label,
    uuid: formatUuid(volume),
    sizeBytes: volume.sizeBytes,
    freeBytes: undefined,
    features: [
      ...(catalog ? ["el-torito"] : []),
      ...(jolietRoot ? ["joliet"] : []),
      ...(contents.names === "rock-ridge" ? ["rock-ridge"] : []),
    ],
    details: [
      ["block size", `${volume.blockBytes / 1024} KiB`],
      ["names", namesText[contents.names]],
      ...(volume.application === "" ? [] : [["application", volume.application] as const]),
      ...(volume.preparer === "" ? [] : [["made by", volume.preparer] as const]),
      ...(catalog?.entries ?? []).map((entry) => ["boots", describe(entry, contents, volume)] as const),
    ],
    problems:
      problems.length <= mostProblems
        ? problems
        : [...problems.slice(0, mostProblems), `and ${problems.length - mostProblems} more`],
    tree: contents.tree,
  };
}

const namesText: Readonly<Record<NameKind, string>> = {
  "rock-ridge": "Rock Ridge",
  joliet: "Joliet",
  plain: "plain, in lower case",
};

/** `BIOS: /boot/eltorito.img (27 KB), no emulation, loads 2.0 KB`. */
function describe(entry: BootEntry, { pathAt }: IsoTree, { blockBytes }: IsoVolume): string {
  const { platform, isBootable, emulation, startSector, loadBytes } = entry;
  const file = pathAt.get((startSector * 2048) / blockBytes);
  const image = file ? `${file.path} (${formatBytes(file.sizeBytes)})` : `sector ${startSector}`;
  return `${platform}: ${image}, ${emulation}, loads ${formatBytes(loadBytes)}${isBootable ? "" : ", not bootable"}`;
}

/** As blkid(8) has it: the time of the last change, else of creation. */
function formatUuid({ modified, created }: IsoVolume): string {
  const digits = [modified, created]
    .map((date) => Buffer.from(date.subarray(0, 16)).toString("latin1"))
    .find((text) => /^\d{16}$/.test(text) && text !== "0".repeat(16));
  return digits === undefined ? "" : [digits.slice(0, 4), ...(digits.slice(4).match(/../g) ?? [])].join("-");
}
