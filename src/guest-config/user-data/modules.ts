import { bootcmd } from "./bootcmd.ts";
import { caCerts } from "./ca-certs.ts";
import { diskSetup } from "./disk-setup.ts";
import { finalMessage } from "./final-message.ts";
import { growpart } from "./growpart.ts";
import { hostName } from "./host-name.ts";
import { locale } from "./locale.ts";
import type { Module } from "./module.ts";
import { mounts } from "./mounts.ts";
import { ntp } from "./ntp.ts";
import { phoneHome } from "./phone-home.ts";
import { powerState } from "./power-state.ts";
import { consoleEnd, consoleUrl } from "./pushed-console.ts";
import { randomSeed } from "./random-seed.ts";
import { scriptModules } from "./run-scripts.ts";
import { runcmd } from "./runcmd.ts";
import { setPasswords } from "./set-passwords.ts";
import { ssh } from "./ssh-keys.ts";
import { timezone } from "./timezone.ts";
import { usersGroups } from "./users-groups.ts";
import { writeFiles, writeFilesDeferred } from "./write-files.ts";

/** Everything that obeys cloud-config, in the order in which it runs. */
export const modules: readonly Module[] = [
  // early
  consoleUrl,
  randomSeed,
  bootcmd,
  writeFiles,
  growpart,
  diskSetup,
  mounts,
  hostName,
  caCerts,
  usersGroups,
  ssh,
  setPasswords,
  // config
  locale,
  timezone,
  ntp,
  runcmd,
  // final
  writeFilesDeferred,
  ...scriptModules(),
  consoleEnd,
  phoneHome,
  finalMessage,
  powerState,
];
