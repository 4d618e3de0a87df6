import { Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { allowExpiredOption, mirrorOption, profileArgument } from "./options.ts";

export const lock: Verb = {
  name: "lock",
  summary: "fix the exact packages of a profile in the lock file beside it",
  examples: ["cloudimg lock", "cloudimg lock cloud-profiles/local.yaml --update"],
  args: [profileArgument],
  options: [
    new Option("--update", "resolve anew, though the lock matches the profile"),
    mirrorOption,
    allowExpiredOption,
  ],
  async run({
    args,
    options,
    context,
    result,
  }: Invocation<{ update?: boolean; mirror?: string; allowExpired?: boolean }>) {
    const { openProfile } = await import("./open-profile.ts");
    const { lockPath } = await import("../build/lock-path.ts");
    const { obtainLock } = await import("../build/locking.ts");
    const loaded = await openProfile(args[0] as string, context);
    const { packages } = await obtainLock(
      loaded,
      {
        mirror: options.mirror,
        allowExpired: options.allowExpired === true,
        mode: options.update === true ? "update" : "keep",
      },
      context,
    );
    const path = lockPath(loaded.path);
    result(`${path}: ${packages.length} packages`, { path, packages });
    return 0;
  },
};
