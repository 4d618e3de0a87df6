import { Argument } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { profileArgument } from "./options.ts";

export const why: Verb = {
  name: "why",
  summary: "say why a package is in the image",
  examples: ["cloudimg why libssl3t64", "cloudimg why libc6 cloud-profiles/local.yaml --json"],
  args: [new Argument("<PACKAGE>", "a package's name"), profileArgument],
  options: [],
  async run({ args, context, result }: Invocation) {
    const { openProfile } = await import("./open-profile.ts");
    const { lockPath } = await import("../build/lock-path.ts");
    const { readLock } = await import("../build/packages/lock.ts");
    const { explain } = await import("../build/packages/resolve.ts");
    const [name, profile] = args as [string, string];
    const loaded = await openProfile(profile, context);
    const explanation = explain(await readLock(lockPath(loaded.path)), name);
    const { package: found, chain } = explanation;
    const reasons = chain.map((link, depth) => `${"  ".repeat(depth)}${depth === 0 ? "" : "needs "}${link}`);
    const head = `${found.name} ${found.version}${found.purpose === "tool" ? ", read by the build only" : ""}`;
    const also = found.requiredBy.filter((by) => !chain.includes(by));
    const tail = also.length === 0 ? [] : [`also needed by ${also.join(", ")}`];
    result([head, "", ...reasons, ...tail].join("\n"), explanation);
    return 0;
  },
};
