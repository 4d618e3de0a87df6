import { Argument, InvalidArgumentError, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";

interface InspectOptions {
  readonly html?: string;
  readonly hash?: boolean;
  readonly depth: number;
}

function depth(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 64)
    throw new InvalidArgumentError("It must be a whole number from 0 to 64.");
  return value;
}

export const inspect: Verb = {
  name: "inspect",
  summary: "say what is in an image, from its format to its packages",
  examples: [
    "cloudimg inspect out/local.qcow2",
    "cloudimg inspect disk.vmdk --json",
    "cloudimg inspect disk.raw --html sizes.html --depth 3",
  ],
  args: [new Argument("<IMAGE>", "an image file of any format, also one that others made")],
  options: [
    new Option("--html <FILE>", "also write a page with a map of all sizes"),
    new Option("--hash", "compute the SHA-256 of the raw disk, which reads all of it; small ones have it always"),
    new Option("--depth <N>", "levels of directories whose sizes are shown").argParser(depth).default(2),
  ],
  async run({ args, options, context, result, terminal }: Invocation<InspectOptions>) {
    const { writeSync } = await import("node:fs");
    const { step } = await import("../core/context.ts");
    const { writeOutput } = await import("../core/output.ts");
    const { diskSha256, smallDiskSha256 } = await import("../examine/disk-hash.ts");
    const { inspectImage } = await import("../examine/inspect.ts");
    const { examineImage } = await import("../examine/open.ts");
    const { cutDepth } = await import("../examine/sizes.ts");
    const { treemapPage } = await import("../report/treemap.ts");
    const { describeInspection } = await import("./describe-inspection.ts");
    const { refuseToOverwriteInput } = await import("./overwriting.ts");
    const { treemapViews } = await import("./treemap-views.ts");
    const examined = examineImage(args[0] as string);
    try {
      if (options.html !== undefined)
        refuseToOverwriteInput(
          options.html,
          { ...examined.image, path: examined.path },
          "name another file for the page",
        );
      const { disk } = examined.image;
      const sha256 =
        options.hash === true
          ? await step(context, "hash", "Read the whole disk", ({ bytes }) => diskSha256(disk, context.signal, bytes))
          : await smallDiskSha256(disk, context.signal);
      const inspection = inspectImage(examined, sha256);
      const { root } = inspection;
      if (options.html !== undefined) {
        const page = Buffer.from(treemapPage(inspection.path, treemapViews(inspection)));
        await writeOutput(options.html, context, (fd) => void writeSync(fd, page));
      }
      const { isTTY, columns } = terminal.output as { isTTY?: boolean; columns?: number };
      const width = isTTY === true ? (columns ?? 80) : undefined;
      result(describeInspection(inspection, { width, depth: options.depth }), {
        ...inspection,
        ...(root && { root: { ...root, sizes: cutDepth(root.sizes, options.depth) } }),
      });
    } finally {
      examined.close();
    }
    return 0;
  },
};
