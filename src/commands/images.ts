import type { Invocation, Verb } from "./command.ts";
import { providerOption } from "./options.ts";

export const images: Verb = {
  name: "images",
  summary: "list the images of a provider",
  examples: ["cloudimg images", "cloudimg images --json"],
  args: [],
  options: [providerOption],
  async run({ options, context, result }: Invocation<{ provider: "local" }>) {
    const { formatBytes } = await import("../core/format.ts");
    const { openProvider } = await import("./providing.ts");
    const provider = await openProvider(options.provider, context);
    const found = await provider.listImages(context);
    const lines = found.map(({ id, name, sizeBytes, createdAt }) =>
      [id.padEnd(24), name.padEnd(20), formatBytes(sizeBytes).padStart(8), createdAt].join("  "),
    );
    result(lines.length === 0 ? "no images" : lines.join("\n"), { images: found });
    return 0;
  },
};
