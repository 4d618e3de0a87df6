import { statSync } from "node:fs";
import type { OpenedImage } from "../build/disk-formats/open-image.ts";
import { fail } from "../core/errors.ts";

/**
 * What is written must not take the place of the image that is read, nor of a file that it is based on, by whatever names.
 *
 * Errors: `usage/arguments`.
 */
export function refuseToOverwriteInput(
  outPath: string,
  image: Pick<OpenedImage, "path" | "otherFiles">,
  hint: string,
): void {
  const out = statSync(outPath, { throwIfNoEntry: false });
  if (out === undefined) return;
  for (const path of [image.path, ...image.otherFiles]) {
    const input = statSync(path);
    if (input.dev !== out.dev || input.ino !== out.ino) continue;
    const reason = path === image.path ? "it is the image that is read" : `${image.path} is based on it`;
    fail("usage/arguments", `cannot write ${outPath}: ${reason}`, { hint });
  }
}
