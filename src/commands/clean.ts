import { Argument, Option } from "commander";
import type { CleanOptions } from "./cleaning.ts";
import type { Invocation, Verb } from "./command.ts";
import { providerOption, regionOption } from "./options.ts";

export const clean: Verb = {
  name: "clean",
  summary: "remove what runs have left, instances, images, the cache",
  examples: [
    "cloudimg clean                       # what stopped instances, cut-off runs and uploads have left",
    "cloudimg clean local-1a2b3c4d        # an instance, an image or a run, by its id",
    "cloudimg clean 20261121-100000-1a2b  # all of a run but what it has published",
    "cloudimg clean img-1a2b3c4d -p tencent --region ap-guangzhou",
    "cloudimg clean my-images/web.qcow2 -p alibaba   # an uploaded file, as BUCKET/KEY",
    "cloudimg clean --by-tags -p huawei --region cn-north-4 --older-than 24h   # when the journals are lost",
    "cloudimg clean --all --dry-run       # what would go: all instances and images on this machine",
    "cloudimg clean --cache               # downloads, unpacked packages, tools",
  ],
  args: [
    new Argument("[ID...]", "instances and images on this machine, runs; with -p CLOUD also its images, BUCKET/KEY"),
  ],
  options: [
    providerOption,
    regionOption,
    new Option("--by-tags", "what the cloud says is of a run, whether its journal is here or not"),
    new Option("--run <ID>", "with --by-tags: of this run only, whatever its age"),
    new Option(
      "--images",
      "with --run: also its images, unless shared, in use or in a family; published ones look alike",
    ),
    new Option("--older-than <TIME>", "with --by-tags: leave what is younger").default("24h"),
    new Option("--dry-run", "only say what would go"),
    new Option("--all", "all instances and all images on this machine"),
    new Option("--cache", "also what can be downloaded or made again"),
  ],
  async run({ args, options, context, result }: Invocation<CleanOptions>) {
    const { cleanUp } = await import("./cleaning.ts");
    const { removed, left, skipped, notes } = await cleanUp(args, options, context);
    const verb = options.dryRun === true ? "would remove" : "removed";
    const lines = [...removed.map((what) => `${verb} ${what}`), ...notes];
    result(lines.length === 0 ? "nothing to remove" : lines.join("\n"), { removed, left, skipped });
    return left.length > 0 ? 7 : 0;
  },
};
