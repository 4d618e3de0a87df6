import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { providerOption } from "./options.ts";

interface Options {
  readonly provider: "local";
  readonly all?: boolean;
  readonly cache?: boolean;
}

/** A guest has this long to power off by itself. */
const graceMs = 10_000;

/** The directories in the cache directory. */
const cacheContents = [
  "builds",
  "clusters",
  "compiled",
  "downloads",
  "indexes",
  "initializer",
  "kept",
  "machine",
  "tools",
  "unpacked",
];

export const clean: Verb = {
  name: "clean",
  summary: "stop instances, remove images, empty the cache",
  examples: [
    "cloudimg clean local-1a2b3c4d   # an instance, or an image, by its id",
    "cloudimg clean                  # what stopped instances and killed runs have left",
    "cloudimg clean --all            # all instances and images",
    "cloudimg clean --cache          # downloads, unpacked packages, tools",
  ],
  args: [new Argument("[ID...]", "instances or images")],
  options: [
    providerOption,
    new Option("--all", "all instances and all images"),
    new Option("--cache", "also what can be downloaded or made again"),
  ],
  async run({ args, options, context, result }: Invocation<Options>) {
    const { rm, rmdir } = await import("node:fs/promises");
    const { join } = await import("node:path");
    const { fail } = await import("../core/errors.ts");
    const { didYouMean } = await import("../core/near-names.ts");
    const { listInstances, terminateInstance } = await import("../machine/instances.ts");
    const { openProvider } = await import("./providing.ts");
    const provider = await openProvider(options.provider, context);
    const instances = listInstances(context);
    const images = await provider.listImages(context);

    const known = new Set([...instances, ...images].map(({ id }) => id));
    for (const id of args)
      if (!known.has(id))
        fail("usage/arguments", `cannot clean ${id}: no instance and no image has this id`, {
          hint: didYouMean(id, known) ?? "cloudimg instances and cloudimg images list them",
        });
    const wanted = (id: string) => options.all === true || args.includes(id);

    const removed: string[] = [];
    for (const instance of instances) {
      if (!wanted(instance.id) && !(args.length === 0 && instance.state === "stopped")) continue;
      await terminateInstance(instance.id, graceMs, context);
      await rm(join(context.directories.data, "keys", instance.id), { force: true });
      removed.push(instance.id);
    }
    for (const image of images) {
      if (!wanted(image.id)) continue;
      await provider.removeImage(image.id, context);
      removed.push(image.id);
    }
    if (options.cache === true) {
      const { cache } = context.directories;
      // Only what is known to be ours: a mistyped CLOUDIMG_CACHE may hold something dear.
      for (const name of cacheContents) await rm(join(cache, name), { recursive: true, force: true });
      await rmdir(cache).catch(() => {});
      removed.push(`${cache}: ${cacheContents.join(", ")}`);
    }
    result(removed.length === 0 ? "nothing to remove" : removed.map((what) => `removed ${what}`).join("\n"), {
      removed,
    });
    return 0;
  },
};
