import { build } from "./build.ts";
import { cat } from "./cat.ts";
import { check } from "./check.ts";
import { clean } from "./clean.ts";
import type { Verb } from "./command.ts";
import { configDrive } from "./config-drive.ts";
import { consoleVerb } from "./console.ts";
import { convert } from "./convert.ts";
import { cp } from "./cp.ts";
import { diff } from "./diff.ts";
import { docs } from "./docs.ts";
import { doctor } from "./doctor.ts";
import { emulate } from "./emulate.ts";
import { images } from "./images.ts";
import { importVerb } from "./import.ts";
import { init } from "./init.ts";
import { inspect } from "./inspect.ts";
import { instances } from "./instances.ts";
import { launch } from "./launch.ts";
import { lock } from "./lock.ts";
import { ls } from "./ls.ts";
import { metadata } from "./metadata.ts";
import { plan } from "./plan.ts";
import { publish } from "./publish.ts";
import { run } from "./run.ts";
import { runs } from "./runs.ts";
import { screenshot } from "./screenshot.ts";
import { smoke } from "./smoke.ts";
import { soak } from "./soak.ts";
import { terminate } from "./terminate.ts";
import { update } from "./update.ts";
import { upload } from "./upload.ts";
import { validate } from "./validate.ts";
import { why } from "./why.ts";

/** Every verb, in the order of `cloudimg --help`: the way an image goes. */
export const verbs: readonly Verb[] = [
  init,
  validate,
  lock,
  why,
  plan,
  build,
  run,
  publish,
  smoke,
  soak,
  inspect,
  ls,
  cat,
  cp,
  diff,
  check,
  update,
  convert,
  configDrive,
  metadata,
  emulate,
  upload,
  importVerb,
  launch,
  images,
  instances,
  runs,
  consoleVerb,
  screenshot,
  terminate,
  clean,
  doctor,
  docs,
];
