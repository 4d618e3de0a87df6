import { statSync } from "node:fs";
import { emitImage } from "../build/disk-formats/emit.ts";
import { identifiersOf } from "../build/identifiers.ts";
import { type Context, step } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import { planUpdate } from "../examine/update.ts";
import { partitionUuids } from "../examine/update-identity.ts";
import type { Changes } from "../examine/update-merge.ts";
import { openUpdateTarget, type UpdateTarget } from "../examine/update-target.ts";
import { firmwaresOf } from "../profile/choices.ts";
import type { LoadedProfile } from "../profile/load.ts";
import { planProfile } from "./building.ts";
import type { BuildOptions } from "./built.ts";

export interface UpdateOptions extends BuildOptions {
  readonly dryRun?: boolean;
  readonly verbose?: boolean;
}

export interface Updated {
  readonly path: string;
  readonly format: string;
  readonly changes: Changes;
  /** False for a dry run, and if there was nothing to do. */
  readonly isWritten: boolean;
  readonly freeBytes: number;
  /** SHA-256 of the raw disk, if it was written. */
  readonly identity: string | undefined;
  readonly files: readonly {
    readonly path: string;
    readonly format: string;
    readonly sizeBytes: number;
    readonly allocatedBytes: number;
  }[];
}

/** Errors: those of `openUpdateTarget`, `planUpdate`, of planning a profile, and of `emitImage`. */
export async function updateImage(
  path: string,
  loaded: LoadedProfile,
  options: UpdateOptions,
  context: Context,
): Promise<Updated> {
  const target = openUpdateTarget(path);
  try {
    checkFits(target, loaded, context);
    const adopted = adoptIdentity(target, loaded);
    const planned = await planProfile(adopted, options, context);
    return await step(context, "update", "Update the image", async (progress) => {
      const { source, changes, isNeeded, freeBytes, leftOld } = planUpdate({
        target,
        planned: planned.tree,
        mounts: adopted.profile.disk.partitions.flatMap(({ mount }) => mount ?? []),
        seed: planned.identifiers.seed,
      });
      if (leftOld.length > 0)
        context.emit({
          ...{ type: "log", level: "warning" },
          message: `what is on partitions besides the root stays as it is, but the profile has changed ${leftOld.slice(0, 3).join(", ")}${leftOld.length > 3 ? ` and ${leftOld.length - 3} more` : ""}`,
        });
      const { format, ...how } = target.format;
      const told = { path, format: format.name, changes, freeBytes };
      if (!isNeeded || options.dryRun === true) return { ...told, isWritten: false, identity: undefined, files: [] };
      const request = { ...how, source, outputs: [{ format, path }], progress: progress.bytes };
      const { files, rawSha256 } = await emitImage(request, context);
      progress.note(`${formatBytes(freeBytes)} of its root free`);
      return {
        ...{ ...told, isWritten: true, identity: rawSha256 },
        files: files.map((file) => ({ ...file, allocatedBytes: statSync(file.path).blocks * 512 })),
      };
    });
  } finally {
    target.close();
  }
}

/** What cannot become an update of this image is no update. */
function checkFits({ image, manifest }: UpdateTarget, { profile }: LoadedProfile, context: Context): void {
  const refuse = (reason: string): never =>
    fail("image/unsupported", `cannot update ${image.path}: ${reason}`, { hint: "build the image anew" });
  if (manifest.image.arch !== profile.image.arch)
    refuse(`it is made for ${manifest.image.arch}, and the profile for ${profile.image.arch}`);
  if (profile.disk.fileSystem !== "ext4") refuse(`the profile's root file system is ${profile.disk.fileSystem}`);
  if (profile.boot.efi === "uki" && firmwaresOf(profile).includes("uefi"))
    refuse("its kernel lies in the EFI system partition, and other partitions stay as they are");
  if (manifest.image.name !== profile.image.name)
    context.emit({
      type: "log",
      level: "warning",
      message: `${image.path} was built as "${manifest.image.name}", and the profile is "${profile.image.name}"`,
    });
}

/** The profile with the UUIDs of the image in place of new ones: boot loader and fstab go on finding what is there. */
function adoptIdentity({ image, fileSystem }: UpdateTarget, loaded: LoadedProfile): LoadedProfile {
  const { profile } = loaded;
  const { extras } = identifiersOf(profile, "", 0);
  const wanted = profile.disk.partitions.map(({ name }, index) => ({
    name,
    number: extras[index]?.number as number,
  }));
  const uuids = partitionUuids(image, wanted);
  const partitions = profile.disk.partitions.map((partition, index) => ({
    ...partition,
    uuid: uuids[index] as string,
  }));
  return { ...loaded, profile: { ...profile, disk: { ...profile.disk, uuid: fileSystem.uuid, partitions } } };
}
