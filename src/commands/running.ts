import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { obtainTools } from "../build/tools.ts";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { readUserFile } from "../core/user-file.ts";
import { instanceConfig } from "../guest-config/from-profile.ts";
import { largestFileBytes } from "../guest-config/sources/file-reader.ts";
import { openDiskImage } from "../machine/disk-image.ts";
import type { BootFrom } from "../machine/disks.ts";
import { runInteractive, type Terminal } from "../machine/interactive.ts";
import type { Firmware } from "../profile/machine-words.ts";
import { type Profile, profileSchema } from "../profile/schema.ts";
import { machineRequest } from "../providers/local/machine-request.ts";
import type { PlayedCloudName } from "../providers/played-clouds.ts";
import { buildProfile } from "./building.ts";
import type { BuildOptions } from "./built.ts";
import { configDriveSource } from "./config-drive-source.ts";
import { imageMachine } from "./image-machine.ts";
import { openProfile } from "./open-profile.ts";
import { readPublicKeys } from "./public-keys.ts";
import { playCloud } from "./running-as.ts";

export interface RunOptions extends BuildOptions {
  readonly key?: readonly string[];
  /** A file. */
  readonly userData?: string;
  readonly debug?: boolean;
  readonly display?: boolean;
  /** Whose instance it shall take itself for. */
  readonly as?: PlayedCloudName;
  readonly firmware?: Firmware;
  /** A file on this host that QEMU starts instead of what the image has. */
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
}

/** Runs a profile's image, built now, or an image file, on this terminal. Gives why it ended. */
export async function runMachine(
  profileOrImage: string,
  options: RunOptions,
  terminal: Terminal,
  context: Context,
): Promise<string> {
  const keys = readPublicKeys(options.key ?? []);
  const userData = options.userData === undefined ? undefined : readUserFile(options.userData, largestFileBytes);
  const handed = directBoot(options);
  const { profile, path, bootFrom } = await imageOf(profileOrImage, options, context);
  const disk = openDiskImage(path);
  const told = instanceConfig(profile, `${profile.image.name}-${randomBytes(4).toString("hex")}`, keys);
  const config = { ...told, userData: userData ?? told.userData };
  const wanted = await machineRequest(
    { profile, image: path, disk, config, configDrive: configDriveSource(config), bootFrom: handed ?? bootFrom },
    (names) => obtainTools(names, context),
    context,
  );
  if (options.as === undefined) return await runInteractive(wanted, options, terminal, context);
  const around = await playCloud(options.as, config, wanted, context);
  try {
    return await runInteractive({ ...wanted, ...around.changes }, options, terminal, context);
  } finally {
    await around.close();
  }
}

interface RunImage {
  readonly profile: Profile;
  readonly path: string;
  readonly bootFrom?: BootFrom | undefined;
}

async function imageOf(profileOrImage: string, options: RunOptions, context: Context): Promise<RunImage> {
  const { firmware } = options;
  // An image somebody else made says nothing of the machine it wants but how it boots: it gets the defaults.
  if (isImage(profileOrImage)) {
    const wanted = imageMachine(profileOrImage);
    const profile = profileSchema.parse({
      image: { name: "image" },
      instance: { firmware: firmware ?? wanted.firmware },
    });
    return { profile, path: profileOrImage, bootFrom: wanted.bootFrom };
  }
  const loaded = await openProfile(profileOrImage, context);
  const built = await buildProfile(loaded, options, context);
  const { instance } = loaded.profile;
  const profile = { ...loaded.profile, instance: { ...instance, firmware: firmware ?? instance.firmware } };
  return { profile, path: (built.files[0] as { path: string }).path };
}

function directBoot({ kernel, initrd, append }: RunOptions): BootFrom | undefined {
  if (kernel === undefined) {
    if (initrd === undefined && append === undefined) return undefined;
    fail("usage/arguments", "cannot use --initrd and --append without --kernel");
  }
  for (const path of [kernel, ...(initrd === undefined ? [] : [initrd])])
    if (!existsSync(path)) fail("usage/file", `cannot start ${path}: there is no such file`);
  return { kernelPath: kernel, initrdPath: initrd, cmdline: append ?? "" };
}

/** A file that is there and no YAML, or a name that can only be an image's. */
function isImage(path: string): boolean {
  if (/\.ya?ml$/.test(path)) return false;
  return existsSync(path) || /\.(raw|img|iso|qcow2|vhd|vmdk|vdi)$/.test(path);
}
