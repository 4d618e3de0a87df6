import { randomUUID } from "node:crypto";
import { fail } from "../core/errors.ts";
import { readUserFile } from "../core/user-file.ts";
import { instanceConfig } from "../guest-config/from-profile.ts";
import type { InstanceConfig } from "../guest-config/model.ts";
import { largestFileBytes } from "../guest-config/sources/file-reader.ts";
import type { Profile } from "../profile/schema.ts";
import { hostName } from "../profile/words.ts";
import { readPublicKeys } from "./public-keys.ts";

/** What somebody may say of an instance on the command line. */
export interface InstanceOptions {
  readonly instanceId?: string;
  readonly hostname?: string;
  readonly key?: readonly string[];
  readonly userData?: string;
  readonly vendorData?: string;
}

/** What an instance of a profile is told, with what the command line adds. Errors: `usage/arguments`, `usage/file`. */
export function instanceFromOptions(profile: Profile, options: InstanceOptions): InstanceConfig {
  checkNames(options);
  const keys = readPublicKeys(options.key ?? []);
  const config = instanceConfig(profile, options.instanceId ?? randomUUID(), keys);
  const read = (path: string | undefined) => (path === undefined ? undefined : readUserFile(path, largestFileBytes));
  return {
    ...config,
    hostname: options.hostname ?? config.hostname,
    userData: read(options.userData) ?? config.userData,
    vendorData: read(options.vendorData),
  };
}

function checkNames({ hostname, instanceId }: InstanceOptions): void {
  if (hostname !== undefined && !hostName.safeParse(hostname).success)
    fail("usage/arguments", `cannot name a host "${hostname}": it must be letters, digits, dots and dashes`);
  // Initializers name directories after it.
  if (instanceId !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(instanceId))
    fail("usage/arguments", `cannot use the instance id "${instanceId}": it must be letters, digits, dots and dashes`);
}
