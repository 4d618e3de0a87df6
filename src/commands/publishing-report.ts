import { dirname, join } from "node:path";
import { makeDirectory } from "../core/make-directory.ts";
import { writeAt, writeOutput } from "../core/output.ts";
import type { PublishFacts } from "../report/publish-facts.ts";
import type { Built } from "./built.ts";
import type { PublishOptions } from "./publish-options.ts";

/** Where the report of a publish goes; its directory is there then. Before anything is done, so that hours later it is not lost. Errors: `host/not-writable`. */
export function placeOfReport({ report, output = "out" }: PublishOptions, imageName: string): string {
  const path = report ?? join(output, `${imageName}-publish.html`);
  makeDirectory(dirname(path), { hint: "name another file with --report" });
  return path;
}

/** Of a publish that was interrupted too. Errors: `host/not-writable`, `host/no-space`. */
export async function writeReport(facts: PublishFacts, path: string): Promise<void> {
  const { publishPage } = await import("../report/publish-page.ts");
  const page = Buffer.from(publishPage(facts));
  await writeOutput(path, { signal: new AbortController().signal }, (fd) => writeAt(fd, page, 0));
}

/** @param format what was uploaded */
export function imageFacts(built: Built, format: string): NonNullable<PublishFacts["image"]> {
  const { name, identity, diskSizeBytes, files } = built;
  const path = files.find((file) => file.format === format)?.path ?? files[0]?.path ?? "";
  return { name, path, format, identity, diskSizeBytes };
}
