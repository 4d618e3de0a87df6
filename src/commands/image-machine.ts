import { CloudimgError } from "../core/errors.ts";
import { readBootCode } from "../examine/boot-code.ts";
import { type ExaminedImage, examineImage } from "../examine/open.ts";
import type { BootFrom } from "../machine/disks.ts";
import type { Firmware } from "../profile/machine-words.ts";

/** The machine that an image boots on. */
export interface ImageMachine {
  readonly firmware: Firmware;
  readonly bootFrom: BootFrom;
}

/** Looks into an image that nobody told us about: one with code in its first sector boots by BIOS, one with nothing but an EFI system partition by UEFI. */
export function imageMachine(path: string): ImageMachine {
  let examined: ExaminedImage;
  try {
    examined = examineImage(path);
  } catch (error) {
    // Whatever it is, whoever starts it says so.
    if (error instanceof CloudimgError) return { firmware: "bios", bootFrom: "disk" };
    throw error;
  }
  try {
    const { image, partitions, whole } = examined;
    if (readBootCode(image.disk) !== undefined) return { firmware: "bios", bootFrom: "disk" };
    if (whole?.kind === "iso9660") return { firmware: "bios", bootFrom: "cdrom" };
    const hasEsp = partitions.some(({ kind }) => kind === "esp");
    return { firmware: hasEsp ? "uefi" : "bios", bootFrom: "disk" };
  } finally {
    examined.close();
  }
}
