import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { obtainTools } from "../build/tools.ts";
import type { Context } from "../core/context.ts";
import { instanceConfig } from "../guest-config/from-profile.ts";
import { openDiskImage } from "../machine/disk-image.ts";
import { runInteractive, type Terminal } from "../machine/interactive.ts";
import { type Profile, profileSchema } from "../profile/schema.ts";
import { machineRequest } from "../providers/local/machine-request.ts";
import { type BuildOptions, buildProfile } from "./building.ts";
import { configDriveSource } from "./config-drive-source.ts";
import { openProfile } from "./open-profile.ts";
import { readPublicKeys } from "./public-keys.ts";

export interface RunOptions extends BuildOptions {
  readonly key?: readonly string[];
  readonly debug?: boolean;
  readonly display?: boolean;
}

/** Runs a profile's image, built now, or an image file, on this terminal. Gives why it ended. */
export async function runMachine(
  profileOrImage: string,
  options: RunOptions,
  terminal: Terminal,
  context: Context,
): Promise<string> {
  const keys = readPublicKeys(options.key ?? []);
  const { profile, path } = await imageOf(profileOrImage, options, context);
  const disk = openDiskImage(path);
  const config = instanceConfig(profile, `${profile.image.name}-${randomBytes(4).toString("hex")}`, keys);
  const wanted = await machineRequest(
    { profile, image: path, disk, config, configDrive: configDriveSource(config) },
    (names) => obtainTools(names, context),
    context,
  );
  return await runInteractive(wanted, options, terminal, context);
}

async function imageOf(
  profileOrImage: string,
  options: RunOptions,
  context: Context,
): Promise<{ profile: Profile; path: string }> {
  // An image somebody else made says nothing of the machine it wants: it gets the defaults.
  if (isImage(profileOrImage))
    return { profile: profileSchema.parse({ image: { name: "image" } }), path: profileOrImage };
  const loaded = await openProfile(profileOrImage, context);
  const built = await buildProfile(loaded, options, context);
  return { profile: loaded.profile, path: (built.files[0] as { path: string }).path };
}

/** A file that is there and no YAML, or a name that can only be an image's. */
function isImage(path: string): boolean {
  if (/\.ya?ml$/.test(path)) return false;
  return existsSync(path) || /\.(raw|img|qcow2|vhd|vmdk|vdi)$/.test(path);
}
