import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { bytesSource } from "../core/byte-source.ts";
import { errnoOf, fail, type Where } from "../core/errors.ts";
import { defaultAttributes, type Tree } from "../core/tree.ts";
import type { Profile } from "../profile/schema.ts";
import type { BootModule } from "./boot/bootloader.ts";

/**
 * Puts the files that GRUB loads beside a multiboot kernel into /boot/modules.
 *
 * Errors: `profile/no-source`, `image/conflict`.
 */
export function addBootModules(
  tree: Tree,
  { kernel }: Pick<Profile, "kernel">,
  epochSeconds: number,
  locate: (index: number) => Where | undefined,
): BootModule[] {
  return kernel.bootModules.map(({ source, args }, index) => {
    const path = `/boot/modules/${basename(source)}`;
    tree.set(path, {
      ...defaultAttributes,
      type: "file",
      mode: 0o644,
      mtime: epochSeconds,
      origin: `profile kernel.bootModules[${index}]`,
      content: bytesSource(read(source, locate(index))),
    });
    return { path, args };
  });
}

function read(source: string, where: Where | undefined): Uint8Array {
  try {
    return readFileSync(source);
  } catch (error) {
    const reason = errnoOf(error) === "ENOENT" ? "there is no such file" : `it cannot be read (${errnoOf(error)})`;
    return fail("profile/no-source", `cannot take the boot module ${source}: ${reason}`, {
      hint: "source is relative to the profile",
      ...(where && { where }),
      cause: error,
    });
  }
}
