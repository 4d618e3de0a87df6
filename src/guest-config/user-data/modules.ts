import { bootcmd } from "./bootcmd.ts";
import { finalMessage } from "./final-message.ts";
import { hostName } from "./host-name.ts";
import type { Module } from "./module.ts";
import { phoneHome } from "./phone-home.ts";
import { powerState } from "./power-state.ts";
import { randomSeed } from "./random-seed.ts";
import { scriptModules } from "./run-scripts.ts";
import { runcmd } from "./runcmd.ts";
import { writeFiles, writeFilesDeferred } from "./write-files.ts";

/** Everything that obeys cloud-config, in the order in which it runs. */
export const modules: readonly Module[] = [
  // early
  randomSeed,
  bootcmd,
  writeFiles,
  hostName,
  // config
  runcmd,
  // final
  writeFilesDeferred,
  ...scriptModules(),
  phoneHome,
  finalMessage,
  powerState,
];
