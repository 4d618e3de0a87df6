import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";

interface LsOptions {
  readonly long?: boolean;
  readonly recursive?: boolean;
  readonly directory?: boolean;
  readonly numericUidGid?: boolean;
}

export const ls: Verb = {
  name: "ls",
  summary: "list files in an image",
  examples: [
    "cloudimg ls out/local.qcow2:/etc",
    "cloudimg ls -l 'disk.vmdk:/boot/vmlinuz*'",
    "cloudimg ls -R disk.raw:2:/EFI",
  ],
  args: [new Argument("<IMAGE:PATH...>", "IMAGE:/path in the root partition, or IMAGE:2:/path in partition 2")],
  options: [
    new Option("-l, --long", "mode, owner, size and time (UTC)"),
    new Option("-R, --recursive", "directories with all below them"),
    new Option("-d, --directory", "directories themselves, not what they hold"),
    new Option("-n, --numeric-uid-gid", "owners as numbers"),
  ],
  async run({ args, options, result }: Invocation<LsOptions>) {
    const { withAddressedPaths } = await import("../examine/addressed.ts");
    const { listPaths } = await import("../examine/listing.ts");
    const { describeListing } = await import("../report/listing.ts");
    const listed = await withAddressedPaths(args, async (found) =>
      found.flatMap(({ fileSystem, paths }) =>
        listPaths(fileSystem.tree, paths, { ...options, keepLinks: options.long }),
      ),
    );
    const titles = options.recursive === true || args.length > 1;
    result(describeListing(listed, { long: options.long, numeric: options.numericUidGid, titles }), {
      entries: listed.flatMap(({ entries }) => entries),
    });
    return 0;
  },
};
