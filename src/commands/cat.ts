import { Argument } from "commander";
import type { Invocation, Verb } from "./command.ts";

export const cat: Verb = {
  name: "cat",
  summary: "print files of an image",
  examples: ["cloudimg cat out/local.qcow2:/etc/os-release", "cloudimg cat 'disk.raw:/etc/network/*' | less"],
  args: [new Argument("<IMAGE:PATH...>", "IMAGE:/path in the root partition, or IMAGE:2:/path in partition 2")],
  options: [],
  async run({ args, context, result, bytes }: Invocation) {
    const { withAddressedPaths } = await import("../examine/addressed.ts");
    const { findFiles, readInOrder } = await import("../examine/contents.ts");
    await withAddressedPaths(args, async (found) => {
      const files = found.flatMap(({ fileSystem, paths }) => findFiles(fileSystem.tree, paths));
      for (const { content } of files) await readInOrder(content, context.signal, bytes);
      result("", { files: files.map(({ path, content }) => ({ path, sizeBytes: content.sizeBytes })) });
    });
    return 0;
  },
};
