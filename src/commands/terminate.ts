import { Argument, Option } from "commander";
import type { TerminateOptions } from "./cleaning-instances.ts";
import type { Invocation, Verb } from "./command.ts";
import { type PlaceName, providerOption, regionOption } from "./options.ts";

/** A guest has this long to power off by itself. */
const graceMs = 10_000;

export const terminate: Verb = {
  name: "terminate",
  summary: "end instances, with all that belongs to them",
  examples: [
    "cloudimg terminate local-1a2b3c4d",
    "cloudimg terminate ins-1a2b3c4d -p tencent --region ap-guangzhou   # with its key pair and security group",
  ],
  args: [new Argument("<INSTANCE...>", "their ids; cloudimg instances lists them")],
  options: [providerOption, regionOption, new Option("--force", "also instances that cloudimg has not launched")],
  async run({
    args,
    options,
    context,
    result,
  }: Invocation<Omit<TerminateOptions, "provider"> & { provider: PlaceName }>) {
    const { provider } = options;
    if (provider === "local") {
      const { rm } = await import("node:fs/promises");
      const { join } = await import("node:path");
      const { fail } = await import("../core/errors.ts");
      const { didYouMean } = await import("../core/near-names.ts");
      const { listInstances, terminateInstance } = await import("../machine/instances.ts");
      const known = listInstances(context).map(({ id }) => id);
      for (const id of args)
        if (!known.includes(id))
          fail("host/no-instance", `cannot terminate ${id}: there is no such instance on this machine`, {
            hint: didYouMean(id, known) ?? "cloudimg instances lists them; add -p CLOUD for those of a cloud",
          });
      for (const id of new Set(args)) {
        await terminateInstance(id, graceMs, context);
        await rm(join(context.directories.data, "keys", id), { force: true });
      }
      result(args.map((id) => `ended ${id}`).join("\n"), { provider, ended: args.map((id) => ({ id, left: [] })) });
      return 0;
    }
    const { terminateInstances } = await import("./cleaning-instances.ts");
    const { describeLeftovers } = await import("./cleaning-words.ts");
    const ended = await terminateInstances(args, { ...options, provider }, context);
    const lines = ended.flatMap(({ id, run = "", left }) => [`ended ${id}`, ...describeLeftovers(left, run)]);
    result(lines.join("\n"), { provider, ended });
    return ended.some(({ left }) => left.length > 0) ? 7 : 0;
  },
};
