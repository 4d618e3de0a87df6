import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { CloudimgError, formatWhere } from "../../src/core/errors.ts";
import { type LoadedProfile, loadProfile } from "../../src/profile/load.ts";

type Environment = Record<string, string | undefined>;

/** Writes files into a new directory, which goes when the test ends. */
export async function writeFiles(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "cloudimg-profile-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}

/** Loads the first of some files. */
export async function load(files: Record<string, string>, environment: Environment = {}): Promise<LoadedProfile> {
  const directory = await writeFiles(files);
  return loadProfile(join(directory, Object.keys(files)[0] as string), { environment });
}

/** What a user sees of a profile that cannot be used: the exit code, then each problem as `where: message [code] (hint)`, with the directory cut off. */
export async function complaints(
  files: Record<string, string | Uint8Array>,
  environment: Environment = {},
): Promise<string> {
  const directory = await writeFiles(files);
  try {
    await loadProfile(join(directory, Object.keys(files)[0] as string), { environment });
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    const lines = error.problems.map(({ code, message, where, hint }) => {
      const place = where === undefined ? "" : `${formatWhere(where)}: `;
      return `${place}${message} [${code}]${hint === undefined ? "" : `\n  hint: ${hint}`}`;
    });
    return [`exit ${error.exitCode}`, ...lines].join("\n").replaceAll(`${directory}/`, "");
  }
  throw new Error("the profile was accepted");
}
