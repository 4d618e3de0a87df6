import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { emitImage } from "../../../src/build/disk-formats/emit.ts";
import { buildAnew } from "../../../src/commands/build-anew.ts";
import { planProfile } from "../../../src/commands/building.ts";
import { sha256OfFile } from "../../sha256.ts";
import { contextFor, openProbe, type Probe } from "./probe.ts";

/** How one run differs from another, beside its environment. */
export interface IdentityRequest {
  /** Holds the locks of all. */
  readonly directory: string;
  readonly jobs: number;
  /** The host's files are made in another order and are younger. */
  readonly later: boolean;
  /** Nothing is kept from one image to the next. */
  readonly forgetful: boolean;
  /** Bits that new files lack. */
  readonly umask: number;
  /** Those that are planned, and hashed without being written. */
  readonly planned: readonly Probe[];
  /** Those that are built, with all their files. */
  readonly built: readonly Probe[];
}

/** What was made, and its SHA-256. */
export type Identities = Readonly<Record<string, string>>;

/** A program: makes what its argument asks for, as JSON, and prints the digests. */
async function identitiesOf(request: IdentityRequest): Promise<Identities> {
  const { directory, forgetful, later } = request;
  process.umask(request.umask);
  const context = contextFor(request.jobs);
  const forget = () => {
    for (const name of ["kept", "clusters"])
      if (forgetful) rmSync(join(context.directories.cache, name), { recursive: true, force: true });
  };
  const digests: Record<string, string> = {};
  for (const probe of request.planned) {
    forget();
    const loaded = await openProbe(directory, probe, context, { later });
    const planned = await planProfile(loaded, { locked: true }, context);
    const outputs = { outputs: [], compress: false, clusterSizeBytes: 65536 };
    digests[probe.name] = (await emitImage({ source: planned.source, ...outputs }, context)).rawSha256;
  }
  for (const probe of request.built) {
    forget();
    const loaded = await openProbe(directory, probe, context, { later });
    const output = join(directory, "out", probe.name);
    mkdirSync(output, { recursive: true });
    const build = async () => await buildAnew(loaded, { locked: true, output }, context, loaded.profile.output.formats);
    // What remembers makes it twice: the second time, it has the clusters of the first.
    if (!forgetful) await build();
    const { files, sideFiles } = await build();
    for (const path of [...files.map((file) => file.path), ...sideFiles])
      digests[path.slice(output.length + 1)] = await sha256OfFile(path);
  }
  return digests;
}

if (import.meta.main) console.log(JSON.stringify(await identitiesOf(JSON.parse(process.argv[2] ?? ""))));
