import { CommanderError } from "commander";
import { CloudimgError } from "../core/errors.ts";

/** What commander says of a command line that it does not understand, as an error like all others. Undefined for what is none, `--help` say. */
export function usageError(error: unknown, verb: string | undefined): CloudimgError | undefined {
  if (!(error instanceof CommanderError) || error.exitCode === 0) return undefined;
  const [said = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const meant = suggestion === undefined ? undefined : /^\(Did you mean (.+)\?\)$/.exec(suggestion)?.[1];
  return new CloudimgError({
    code: "usage/arguments",
    message: `cannot understand the command line: ${said.replace(/\.$/, "")}`,
    hint: hintFor(said, meant, verb),
  });
}

function hintFor(said: string, meant: string | undefined, verb: string | undefined): string {
  if (meant !== undefined) return `did you mean ${meant}?`;
  // An option that takes several words takes all up to the next option, the verb's own argument too.
  const greedy = /^option '(?:-\w, )?(--[\w-]+) <\w+\.\.\.>' argument '.*' is invalid/.exec(said)?.[1];
  if (greedy !== undefined) return `it takes all words up to the next option: put other arguments before ${greedy}`;
  return verb === undefined ? "cloudimg --help lists the verbs" : `cloudimg ${verb} --help has examples`;
}
