import { Argument } from "commander";
import { CloudimgError, type Problem } from "../core/errors.ts";
import type { Invocation, Verb } from "./command.ts";
import { profilePath } from "./options.ts";

export const validate: Verb = {
  name: "validate",
  summary: "list everything that is wrong with profiles",
  examples: ["cloudimg validate", "cloudimg validate cloud-profiles/local.yaml --json"],
  args: [new Argument("[PROFILE...]", "profile files, or names of some in cloud-profiles/").default(["local"])],
  options: [],
  async run({ args, context, result }: Invocation) {
    const { loadProfile } = await import("../profile/load.ts");
    const problems: Problem[] = [];
    const good: { path: string; name: string; sources: readonly string[]; digest: string }[] = [];
    for (const path of args.map(profilePath)) {
      try {
        const { profile, sources, digest } = await loadProfile(path, context);
        good.push({ path, name: profile.image.name, sources, digest });
      } catch (error) {
        if (!(error instanceof CloudimgError)) throw error;
        problems.push(...error.problems);
      }
    }
    if (problems.length > 0) throw new CloudimgError(withoutRepeats(problems));
    result(good.map(({ path }) => `${path}: good`).join("\n"), { profiles: good });
    return 0;
  },
};

/** Profiles that share a base share its problems. */
function withoutRepeats(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
