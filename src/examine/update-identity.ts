import { fail } from "../core/errors.ts";
import type { ExaminedImage } from "./open.ts";
import type { Volume } from "./volume.ts";

/** A partition that a profile has besides the root. */
export interface WantedPartition {
  readonly number: number;
  readonly name: string;
}

/**
 * UUIDs of the file systems that an image has where a profile has partitions of its own, in their order: what is mounted by them must go on being found. A shorter serial comes
 * as a UUID that begins with its digits.
 *
 * Errors: `image/unsupported` if there is no such partition, or nothing in it that can be told apart.
 */
export function partitionUuids(image: ExaminedImage, wanted: readonly WantedPartition[]): string[] {
  return wanted.map(({ number, name }) => {
    const refuse = (reason: string): never =>
      fail("image/unsupported", `cannot update ${image.path}: ${reason}`, {
        hint: "partitions stay as they are: build the image anew for others",
      });
    const partition = image.partitions.find((each) => each.number === number);
    if (partition === undefined)
      return refuse(`the profile has a partition "${name}", number ${number}, which it has not`);
    const { volume } = partition;
    const uuid = volume && (swapUuid(volume) ?? volume.tryOpen().fileSystem?.uuid);
    if (uuid === undefined || uuid === "")
      return refuse(`its partition ${number}, "${name}", holds nothing with a UUID`);
    return uuid.length === uuidLength ? uuid : `${uuid.replace("-", "").toLowerCase()}-0000-8000-8000-000000000000`;
  });
}

const uuidLength = 36;
const swapMagic = "SWAPSPACE2";

/** include/linux/swap.h, union swap_header: the magic number at the end of the first page, the UUID behind the first KiB. */
function swapUuid({ source }: Volume): string | undefined {
  const page = Buffer.alloc(4096);
  if (source.sizeBytes < page.length) return undefined;
  source.read(page, 0);
  if (page.toString("latin1", 4086) !== swapMagic) return undefined;
  const hex = page.toString("hex", 1024 + 12, 1024 + 28);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
