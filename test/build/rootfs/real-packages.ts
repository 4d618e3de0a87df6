import { fileURLToPath } from "node:url";
import { packageRequest } from "../../../src/build/locking.ts";
import { openPackages } from "../../../src/build/packages/open.ts";
import { lockPackages } from "../../../src/build/packages/resolve.ts";
import { createContext } from "../../../src/commands/environment.ts";
import type { Context } from "../../../src/core/context.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { loadProfile } from "../../../src/profile/load.ts";
import type { Profile } from "../../../src/profile/schema.ts";

/** Debian's packages for cloud-profiles/local.yaml as they are today, with what they are made into an image by. */
export interface RealPackages {
  readonly profile: Profile;
  readonly packages: ReadonlyMap<string, Tree>;
  readonly epochSeconds: number;
  readonly context: Context;
}

let known: Promise<RealPackages> | undefined;

export function realPackages(): Promise<RealPackages> {
  known ??= open();
  return known;
}

async function open(): Promise<RealPackages> {
  const context = createContext(() => {}, new AbortController().signal, undefined);
  const path = fileURLToPath(new URL("../../../cloud-profiles/local.yaml", import.meta.url));
  const { profile } = await loadProfile(path, { environment: {} });
  const request = packageRequest(profile, { allowExpired: false });
  const lock = await lockPackages(request, context);
  const opened = await openPackages(lock, request, context);
  for (const { name, purpose } of lock.packages) if (purpose === "tool") opened.delete(name);
  return { profile, packages: opened, epochSeconds: lock.epochSeconds, context };
}
