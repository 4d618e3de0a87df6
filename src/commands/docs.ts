import { Option } from "commander";
import type { Invocation, Verb } from "./command.ts";

/** Writes the generated pages of docs/; a test fails while they are out of date. */
export const docs: Verb = {
  name: "docs",
  summary: "write the generated pages of docs/",
  examples: ["npm run docs"],
  hidden: true,
  args: [],
  options: [new Option("-o, --output <DIRECTORY>", "where to write").default("docs")],
  async run({ options, result }: Invocation<{ output: string }>) {
    const { writeFile } = await import("node:fs/promises");
    const { join } = await import("node:path");
    const { makeDirectory } = await import("../core/make-directory.ts");
    makeDirectory(options.output, { hint: "name another one with --output" });
    const pages = await generatedPages();
    for (const [name, text] of Object.entries(pages)) await writeFile(join(options.output, name), text);
    const paths = Object.keys(pages).map((name) => join(options.output, name));
    result(paths.join("\n"), { paths });
    return 0;
  },
};

/** Contents by file name. */
export async function generatedPages(): Promise<Record<string, string>> {
  const { checkReference } = await import("../examine/check-reference.ts");
  const { errorReference } = await import("../core/error-reference.ts");
  const { profileJsonSchema } = await import("../profile/json-schema.ts");
  const { profileReference } = await import("../profile/reference.ts");
  return {
    "cloud-rules.md": checkReference(),
    "errors.md": errorReference(),
    "profile.md": profileReference(),
    "profile.schema.json": `${JSON.stringify(profileJsonSchema(), null, 2)}\n`,
  };
}
