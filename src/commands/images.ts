import { Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import type { ListOptions } from "./listing-clouds.ts";
import { type PlaceName, providerOption, regionOption } from "./options.ts";

export const images: Verb = {
  name: "images",
  summary: "list the images of a provider",
  examples: [
    "cloudimg images",
    "cloudimg images -p tencent --region ap-guangzhou",
    "cloudimg images -p huawei --all   # also those that cloudimg has not made",
  ],
  args: [],
  options: [providerOption, regionOption, new Option("--all", "also images that cloudimg has not made")],
  async run({ options, context, result }: Invocation<Omit<ListOptions, "provider"> & { provider: PlaceName }>) {
    const { provider } = options;
    if (provider !== "local") {
      const { listCloudImages } = await import("./listing-clouds.ts");
      const { imageTable } = await import("./listing-clouds-table.ts");
      const found = await listCloudImages({ ...options, provider }, context);
      result(imageTable(found, Date.now()), { images: found });
      return 0;
    }
    const { formatBytes } = await import("../core/format.ts");
    const { openProvider } = await import("./providing.ts");
    const local = await openProvider(provider, context);
    const found = await local.listImages(context);
    const lines = found.map(({ id, name, sizeBytes, createdAt }) =>
      [id.padEnd(24), name.padEnd(20), formatBytes(sizeBytes).padStart(8), createdAt].join("  "),
    );
    result(lines.length === 0 ? "no images" : lines.join("\n"), { images: found });
    return 0;
  },
};
