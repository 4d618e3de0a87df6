import { CloudimgError, fail } from "./errors.ts";

/** Where an image keeps the list of what it was made of. */
export const imageManifestPath = "/usr/share/cloudimg/manifest.json";

/**
 * What was put at a path of an image, and by whom. Names are as in names.ts; owner and group are left out where they are root.
 */
export interface ManifestEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "character-device" | "block-device" | "fifo" | "socket";
  /** Permission bits, octal: "0644". */
  readonly mode: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Of files: bytes, and SHA-256 of the content; without it, boot code that holds where on the disk it lies. */
  readonly size?: number;
  readonly sha256?: string;
  /** Of symbolic links. */
  readonly target?: string;
  /** Of devices: major and minor number. */
  readonly device?: readonly [number, number];
  /** The path of which this is a further hard link. */
  readonly link?: string;
  /** Extended attributes, values in Base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** `package nginx`, `profile files[2]`, `cloudimg`. */
  readonly origin: string;
}

/** What an image holds, as it was when it was made. It does not list itself. */
export interface ImageManifest {
  readonly formatVersion: 1;
  readonly image: { readonly name: string; readonly version: string; readonly arch: string };
  /** SHA-256 of the profile's and the lock's canonical JSON. */
  readonly profileDigest: string;
  readonly lockDigest: string;
  readonly epochSeconds: number;
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
  /** In the order of the paths' bytes, a directory before what is in it. */
  readonly paths: readonly ManifestEntry[];
}

/** JSON with a line for each path: small differences of images are small differences of their manifests. */
export function formatImageManifest({ packages, paths, ...head }: ImageManifest): string {
  const lines = (items: readonly unknown[]) => items.map((item) => JSON.stringify(item)).join(",\n");
  const first = JSON.stringify(head).slice(0, -1);
  return `${first},\n"packages":[\n${lines(packages)}\n],\n"paths":[\n${lines(paths)}\n]}\n`;
}

/**
 * Reads a manifest out of an image. Undefined entries of later versions are kept out by the version's number.
 *
 * Errors: `image/damaged` for what is none, `image/unsupported` for one of a later format.
 */
export function parseImageManifest(text: string): ImageManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CloudimgError(
      { code: "image/damaged", message: `cannot read ${imageManifestPath}: it is not JSON` },
      { cause: error },
    );
  }
  const { formatVersion, packages, paths } = (value ?? {}) as Partial<Record<keyof ImageManifest, unknown>>;
  if (typeof formatVersion === "number" && formatVersion > 1)
    fail("image/unsupported", `cannot read ${imageManifestPath}: it has the format ${formatVersion}`, {
      hint: "it was made by a later version of cloudimg: use that",
    });
  const isSound = formatVersion === 1 && Array.isArray(packages) && Array.isArray(paths) && paths.every(isEntry);
  if (!isSound) fail("image/damaged", `cannot read ${imageManifestPath}: it is not a list of what the image holds`);
  return value as ImageManifest;
}

function isEntry(value: unknown): boolean {
  const { path, type, mode, origin } = (value ?? {}) as Partial<ManifestEntry>;
  return [path, type, mode, origin].every((text) => typeof text === "string");
}
