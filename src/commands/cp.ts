import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";

export const cp: Verb = {
  name: "cp",
  summary: "copy files out of an image",
  examples: [
    "cloudimg cp out/local.qcow2:/etc/fstab .",
    "cloudimg cp -r disk.raw:/var/log logs",
    "cloudimg cp disk.raw:1:/EFI/BOOT/BOOTX64.EFI loader.efi",
  ],
  args: [new Argument("<PATHS...>", "what to copy, as IMAGE:/path or IMAGE:2:/path, and last the destination here")],
  options: [
    new Option("-r, --recursive", "directories with all below them"),
    new Option("-f, --force", "replace files that are there; directories are joined"),
  ],
  async run({ args, options, context, result }: Invocation<{ recursive?: boolean; force?: boolean }>) {
    const { statSync } = await import("node:fs");
    const { step } = await import("../core/context.ts");
    const { fail } = await import("../core/errors.ts");
    const { formatBytes } = await import("../core/format.ts");
    const { looksLikeAddress } = await import("../examine/address.ts");
    const { withAddressedPaths } = await import("../examine/addressed.ts");
    const { copyOut } = await import("../examine/copy-out.ts");
    const { planCopy } = await import("../examine/copy-plan.ts");
    const destination = args.at(-1) as string;
    if (args.length < 2)
      fail("usage/arguments", `cannot copy ${destination}: there is no destination`, {
        hint: "name a file or directory of this host after what is to be copied",
      });
    const there = statSync(destination, { throwIfNoEntry: false });
    if (there === undefined && looksLikeAddress(destination))
      fail("usage/arguments", `cannot copy to ${destination}: cp copies out of images only`, {
        hint: "name a file or directory of this host",
      });
    const destinationIs = there === undefined ? "absent" : there.isDirectory() ? "directory" : "other";
    if (args.length > 2 && destinationIs !== "directory")
      fail("usage/arguments", `cannot copy to ${destination}: it is not a directory`, {
        hint: "make the directory first",
      });
    const copied = await withAddressedPaths(args.slice(0, -1), async (found) => {
      const recursive = options.recursive === true;
      const steps = found.flatMap(({ fileSystem: { tree }, paths }) =>
        planCopy({ tree, paths, destination, destinationIs, recursive, platform: process.platform }),
      );
      return await step(context, "copy", "Copy files out of the image", async ({ bytes, note }) => {
        const made = await copyOut(steps, {
          force: options.force === true,
          isRoot: process.getuid?.() === 0,
          signal: context.signal,
          progress: bytes,
        });
        note(`${counts(made)}, ${formatBytes(made.bytes)}`);
        return made;
      });
    });
    for (const message of losses(copied)) context.emit({ type: "log", level: "warning", message });
    result("", { destination, ...copied });
    return 0;
  },
};

function counts({ files, directories, links }: Record<"files" | "directories" | "links", number>): string {
  const text = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
  return [
    text(files, "file", "files"),
    text(directories, "directory", "directories"),
    text(links, "link", "links"),
  ].join(", ");
}

/** What the copies lack. */
function losses(copied: {
  readonly leftOut: readonly string[];
  readonly otherOwners: number;
  readonly withoutSetId: number;
  readonly withoutXattrs: number;
}): string[] {
  const { leftOut, otherOwners, withoutSetId, withoutXattrs } = copied;
  const shown = leftOut.slice(0, 3).join(", ") + (leftOut.length > 3 ? ", …" : "");
  return [
    ...(leftOut.length > 0 ? [`${leftOut.length} devices, FIFOs and sockets were left out: ${shown}`] : []),
    ...(otherOwners > 0 ? [`${otherOwners} copies belong to you, not to whom they belong in the image`] : []),
    ...(withoutSetId > 0 ? [`${withoutSetId} copies are without their set-user-id or set-group-id bit`] : []),
    ...(withoutXattrs > 0 ? [`${withoutXattrs} copies are without their extended attributes`] : []),
  ];
}
