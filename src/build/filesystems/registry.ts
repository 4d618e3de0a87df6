import { ext4 } from "./ext4.ts";
import type { FileSystemWriter } from "./filesystem-writer.ts";

/** By the name that a profile uses. */
export const fileSystems = { ext4 } as const satisfies Record<string, FileSystemWriter>;
