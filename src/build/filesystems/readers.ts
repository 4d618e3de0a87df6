import { ext4Reader } from "./ext4-reader.ts";
import { fatReader } from "./fat-reader.ts";
import type { FileSystemReader } from "./filesystem-reader.ts";
import { iso9660Reader } from "./iso9660-reader.ts";
import { squashfsReader } from "./squashfs-reader.ts";

/** In the order in which they are tried. */
export const fileSystemReaders: readonly FileSystemReader[] = [ext4Reader, squashfsReader, iso9660Reader, fatReader];
