import { hash } from "node:crypto";
import { type BigIntStats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { readIfThere, writeCached } from "../core/cache.ts";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { Context } from "../core/context.ts";
import type { LoadedProfile } from "../profile/load.ts";
import { hostInputsDigest, programDigest } from "./host-inputs.ts";
import { lockPath } from "./lock-path.ts";

export interface StampRequest {
  readonly loaded: LoadedProfile;
  /** Where the outputs go. */
  readonly directory: string;
  /** What else decides them: formats, options of the command line. */
  readonly options: unknown;
}

/** What a build left: it is still true while neither its inputs nor its outputs have changed. */
export interface BuildStamp {
  /** The result that was kept; undefined if there is something to do. */
  unchanged(): Promise<unknown>;
  /** Keeps the result, which JSON must hold, of a build that has written these files. */
  keep(result: unknown, outputPaths: readonly string[]): Promise<void>;
}

interface Record {
  readonly key: string;
  readonly outputs: readonly { readonly path: string; readonly state: string }[];
  readonly result: unknown;
}

/**
 * Remembers builds by all that they are made of: this program, the profile with every file that it names, and the lock. Undefined for a profile with hooks: these may read
 * what they like.
 */
export function buildStamp(
  request: StampRequest,
  context: Pick<Context, "directories" | "signal">,
): BuildStamp | undefined {
  const { loaded, directory, options } = request;
  const { profile } = loaded;
  if (profile.hooks.length > 0) return undefined;
  // Before the build: what changes while it runs makes the next one run again.
  const inputs = canonicalDigest({
    ...{ program: programDigest(), profile, digest: loaded.digest, files: hostInputsDigest(profile), options },
    directory: resolve(directory),
  });
  const place = canonicalDigest({ directory: resolve(directory), name: profile.image.name, options });
  const path = join(context.directories.cache, "builds", `${place}.json`);
  const keyNow = async () => {
    const lock = await readIfThere(lockPath(loaded.path), context.signal);
    return lock && `${inputs} ${hash("sha256", lock)}`;
  };
  return {
    async unchanged() {
      const [text, key] = await Promise.all([readIfThere(path, context.signal), keyNow()]);
      const record = text && key && parseRecord(text.toString());
      if (!record || record.key !== key) return undefined;
      return record.outputs.every((output) => stateOf(output.path) === output.state) ? record.result : undefined;
    },
    async keep(result, outputPaths) {
      const key = await keyNow();
      if (key === undefined) return;
      const outputs = outputPaths.map((output) => ({ path: resolve(output), state: stateOf(output) ?? "" }));
      const record: Record = { key, outputs, result };
      await writeCached(path, context, [Buffer.from(JSON.stringify(record))]);
    },
  };
}

function parseRecord(text: string): Record | undefined {
  try {
    const record = JSON.parse(text) as Record;
    return Array.isArray(record.outputs) ? record : undefined;
  } catch {
    return undefined;
  }
}

function stateOf(path: string): string | undefined {
  const stats: BigIntStats | undefined = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && [stats.size, stats.mtimeNs, stats.ctimeNs, stats.ino, stats.dev].join(" ");
}
