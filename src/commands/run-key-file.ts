import { fchmodSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../core/context.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { writeAt, writeOutput } from "../core/output.ts";

/** Keeps the private key of a run whose instance lives on, where only its owner can read it. Gives its path. */
export async function writeRunKey(instanceId: string, privateKey: string, context: Context): Promise<string> {
  const directory = join(context.directories.data, "keys");
  makeDirectory(directory, { mode: 0o700, hint: "name another directory with CLOUDIMG_DATA" });
  const path = join(directory, instanceId);
  await writeOutput(path, context, (fd) => {
    fchmodSync(fd, 0o600);
    writeAt(fd, Buffer.from(privateKey), 0);
  });
  return path;
}
