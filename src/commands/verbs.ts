import type { Verb } from "./command.ts";

/** Every verb, in the order of `cloudimg --help`: the way an image goes. */
export const verbs: readonly Verb[] = [];
