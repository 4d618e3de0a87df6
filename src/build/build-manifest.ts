import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { LoadedProfile } from "../profile/load.ts";
import { imageSeed } from "./locking.ts";
import type { Lock } from "./packages/lock.ts";
import { jsonFile, type SideFile } from "./side-file.ts";

export interface BuildManifestRequest {
  readonly loaded: LoadedProfile;
  readonly lock: Lock;
  /** SHA-256 of the raw disk. */
  readonly identity: string;
  readonly diskSizeBytes: number;
  readonly kernelVersion: string;
  /** The image files and what else lies beside them. */
  readonly outputs: readonly {
    readonly path: string;
    readonly format: string;
    readonly sizeBytes: number;
    readonly sha256: string;
  }[];
  readonly cloudimgVersion: string;
}

/** SHA-256 of a file that was just written, in pieces: it may be larger than memory. */
export async function fileDigest(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return hash.digest("hex");
}

/**
 * `NAME.manifest.json`: what went into a build and what came out, by digests. It says which Node ran, since that compresses; everything else in it is the same wherever
 * the same image is made.
 */
export function buildManifest(request: BuildManifestRequest): SideFile {
  const { loaded, lock, identity, diskSizeBytes, kernelVersion, outputs, cloudimgVersion } = request;
  const { name, version, arch } = loaded.profile.image;
  const { node, zlib, zstd } = process.versions;
  return jsonFile(`${name}.manifest.json`, {
    formatVersion: 1,
    image: { name, version, arch },
    epochSeconds: lock.epochSeconds,
    inputs: {
      profile: loaded.digest,
      lock: canonicalDigest(lock),
      seed: imageSeed(loaded, lock),
      packages: lock.packages.map((locked) => ({
        name: locked.name,
        version: locked.version,
        sha256: locked.sha256,
        purpose: locked.purpose,
      })),
    },
    tools: { cloudimg: cloudimgVersion, node, zlib, zstd },
    disk: { sha256: identity, sizeBytes: diskSizeBytes, kernelVersion },
    outputs: outputs.map(({ path, ...rest }) => ({ fileName: basename(path), ...rest })),
  });
}
