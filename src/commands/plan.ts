import { Option } from "commander";
import type { BuildOptions } from "./built.ts";
import type { Invocation, Verb } from "./command.ts";
import { allowExpiredOption, lockedOption, mirrorOption, profileArgument } from "./options.ts";

export const plan: Verb = {
  name: "plan",
  summary: "show what a build would make, without writing an image",
  examples: ["cloudimg plan", "cloudimg plan local --explain", "cloudimg plan local --json"],
  args: [profileArgument],
  options: [
    new Option("--explain", "tell each feature of the root file system, and what it is for"),
    mirrorOption,
    lockedOption,
    allowExpiredOption,
  ],
  async run({ args, options, context, result }: Invocation<BuildOptions & { explain?: true }>) {
    const { planProfile } = await import("./building.ts");
    const { openProfile } = await import("./open-profile.ts");
    const { formatBytes } = await import("../core/format.ts");
    const loaded = await openProfile(args[0] as string, context);
    const planned = await planProfile(loaded, options, context);
    const { layout, source } = planned;
    const dataBytes = source.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    const rows: [string, string][] = [
      ["image", planned.name],
      ["disk", `${formatBytes(layout.diskSizeBytes)}, of which ${formatBytes(dataBytes)} hold data`],
      ["kernel", planned.kernelVersion],
      ...layout.partitions.map((partition): [string, string] => [
        `partition ${partition.number}`,
        `${partition.name}: ${formatBytes(partition.sizeBytes)} from byte ${partition.startBytes}${partition.bootable ? ", bootable" : ""}`,
      ]),
      ["root UUID", planned.identifiers.rootUuid],
      ["contents", `${[...planned.tree.entries()].length} files, directories and links`],
      ...planned.notes.map((note): [string, string] => ["", note]),
      ...(options.explain === true ? planned.features : []).map(({ name, reason }): [string, string] => [name, reason]),
    ];
    const width = Math.max(...rows.map(([key]) => key.length)) + 1;
    result(rows.map(([key, value]) => `${key.padEnd(width)} ${value}`).join("\n"), {
      name: planned.name,
      diskSizeBytes: layout.diskSizeBytes,
      dataBytes,
      kernelVersion: planned.kernelVersion,
      rootUuid: planned.identifiers.rootUuid,
      partitions: layout.partitions,
      notes: planned.notes,
      features: planned.features,
    });
    return 0;
  },
};
