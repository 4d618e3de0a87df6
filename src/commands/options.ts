import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Argument, InvalidArgumentError, Option } from "commander";
import type { CloudName } from "../providers/cloud.ts";

/** Options and arguments that several verbs share, so that they look and mean the same everywhere. */
export const profileArgument = new Argument(
  "[PROFILE]",
  "a profile file, or the name of one in cloud-profiles/",
).default("local");

export const mirrorOption = new Option("--mirror <URL>", "Debian mirror to use, before any other").env(
  "CLOUDIMG_MIRROR",
);
export const lockedOption = new Option("--locked", "fail if the lock file does not match the profile");
export const allowExpiredOption = new Option(
  "--allow-expired",
  "accept package indexes past their Valid-Until (frozen mirrors)",
);
export const outputOption = new Option("-o, --output <DIRECTORY>", "where to write").default("out");

export const cloudNames = ["tencent", "alibaba", "huawei"] as const satisfies readonly CloudName[];
export type PlaceName = "local" | CloudName;

export const providerOption = new Option("-p, --provider <NAME>", "whose")
  .choices(["local", ...cloudNames])
  .default("local");
export const cloudOption = new Option("-p, --provider <CLOUD>", "whose").choices(cloudNames).makeOptionMandatory();
export const regionOption = new Option(
  "--region <REGION>",
  "the cloud's region; default: that of the environment, or of the credentials' file",
);
export const bucketOption = new Option("--bucket <NAME>", "the bucket in that region, by its full name");

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return value;
}

export function portNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new InvalidArgumentError("It must be a whole number from 1 to 65535.");
  return value;
}

/** Seconds; a day at most. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError("It must be a number of seconds up to 86400.");
  return value;
}

/** `local` → the file `cloud-profiles/local.yaml` of the working directory, else of this package. */
export function profilePath(nameOrPath: string): string {
  if (nameOrPath.includes("/") || nameOrPath.includes("\\") || /\.ya?ml$/.test(nameOrPath)) return nameOrPath;
  const here = join("cloud-profiles", `${nameOrPath}.yaml`);
  if (existsSync(here)) return here;
  const packaged = fileURLToPath(new URL(`../../cloud-profiles/${nameOrPath}.yaml`, import.meta.url));
  return existsSync(packaged) ? packaged : here;
}
