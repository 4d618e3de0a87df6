import type { Verb } from "./command.ts";
import { docs } from "./docs.ts";
import { init } from "./init.ts";
import { validate } from "./validate.ts";

/** Every verb, in the order of `cloudimg --help`: the way an image goes. */
export const verbs: readonly Verb[] = [init, validate, docs];
