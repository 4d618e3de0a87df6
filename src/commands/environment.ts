import { availableParallelism, homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Context, Directories } from "../core/context.ts";
import type { EventSink } from "../core/events.ts";

/** Builds the context of a run from the process's surroundings: the only place that looks at them. */
export function createContext(
  emit: EventSink,
  signal: AbortSignal,
  jobs: number | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): Context {
  return { emit, signal, directories: directoriesOf(environment), environment, jobs: jobs ?? availableParallelism() };
}

/** XDG Base Directory Specification 0.8; on macOS and Windows the platform's own customs. */
export function directoriesOf(environment: NodeJS.ProcessEnv): Directories {
  const home = homedir();
  const base = {
    linux: { cache: join(home, ".cache"), data: join(home, ".local", "share") },
    darwin: { cache: join(home, "Library", "Caches"), data: join(home, "Library", "Application Support") },
    win32: {
      cache: environment["LOCALAPPDATA"] ?? join(home, "AppData", "Local"),
      data: environment["APPDATA"] ?? join(home, "AppData", "Roaming"),
    },
  };
  const { cache, data } = base[process.platform as keyof typeof base] ?? base.linux;
  return {
    // Absolute: QEMU and the guest's guard look from elsewhere.
    cache: resolve(environment["CLOUDIMG_CACHE"] || join(environment["XDG_CACHE_HOME"] || cache, "cloudimg")),
    data: resolve(environment["CLOUDIMG_DATA"] || join(environment["XDG_DATA_HOME"] || data, "cloudimg")),
  };
}
