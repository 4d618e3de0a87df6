import { type Address, parseAddress } from "./address.ts";
import { type ExaminedImage, examineImage } from "./open.ts";
import { withCaseOf } from "./paths.ts";
import { chooseVolume, type OpenVolume } from "./root.ts";

/** Paths in one file system of one image. */
export interface AddressedPaths extends OpenVolume {
  readonly image: ExaminedImage;
  /** As they were written. */
  readonly paths: readonly string[];
}

/**
 * Opens what some addresses name, each image and each file system once, hands them over in the order in which they were named, and closes the images afterwards.
 *
 * Errors: `usage/arguments`, `image/…`.
 */
export async function withAddressedPaths<T>(
  addresses: readonly string[],
  work: (found: readonly AddressedPaths[]) => Promise<T>,
): Promise<T> {
  const images = new Map<string, ExaminedImage>();
  try {
    const found: AddressedPaths[] = [];
    for (const [{ image: path, partition }, paths] of groups(addresses.map((text) => parseAddress(text)))) {
      const image = images.get(path) ?? examineImage(path);
      images.set(path, image);
      const opened = chooseVolume(image, partition);
      const { type, tree } = opened.fileSystem;
      const hasCase = !type.startsWith("fat");
      found.push({ image, ...opened, paths: hasCase ? paths : paths.map((each) => withCaseOf(tree, each)) });
    }
    return await work(found);
  } finally {
    for (const image of images.values()) image.close();
  }
}

/** Neighbours in the same file system together: files are listed before directories, and links between files are kept. */
function groups(addresses: readonly Address[]): [Address, string[]][] {
  const groups: [Address, string[]][] = [];
  for (const address of addresses) {
    const last = groups.at(-1);
    if (last !== undefined && last[0].image === address.image && last[0].partition === address.partition)
      last[1].push(address.path);
    else groups.push([address, [address.path]]);
  }
  return groups;
}
