import type { InjectedFile } from "../sources/datasource.ts";
import type { Host } from "./host.ts";

/** Nova's own clients wrote these before there was user data; cloud-init gives them this mode. */
const mode = 0o660;

/** Writes the files that a config drive brings along (`files` of meta_data.json). */
export function injectFiles(host: Host, files: readonly InjectedFile[], problem: (text: string) => void) {
  let count = 0;
  for (const { path, content } of files) {
    if (!path.startsWith("/") || path.split("/").includes("..")) {
      problem(`cannot write the file ${path}: its path is not absolute`);
      continue;
    }
    try {
      host.makeDirectory(path.slice(0, path.lastIndexOf("/")) || "/", 0o755);
      host.writeFile(path, content, mode);
      count++;
    } catch (error) {
      problem((error as Error).message);
    }
  }
  return { said: count === 0 ? undefined : `${count} written`, value: undefined };
}
