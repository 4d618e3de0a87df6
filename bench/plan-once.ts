import { writeFileSync } from "node:fs";
import { obtainLock } from "../src/build/locking.ts";
import { planImage } from "../src/build/pipeline.ts";
import { createContext } from "../src/commands/environment.ts";
import { openProfile } from "../src/commands/open-profile.ts";

/** Plans a profile's image and writes how long that took, in a process that does nothing else: `plan-once.ts PROFILE REPORT`. */
const [profile, report] = process.argv.slice(2) as [string, string];
const context = createContext(() => {}, new AbortController().signal, undefined);
const archive = { allowExpired: false };
const loaded = await openProfile(profile, context);
const lock = await obtainLock(loaded, { ...archive, mode: "keep" }, context);
const startedMs = performance.now();
const startedCpu = process.cpuUsage();
await planImage({ ...archive, loaded, lock }, context);
const { user, system } = process.cpuUsage(startedCpu);
writeFileSync(report, JSON.stringify({ ms: performance.now() - startedMs, cpuMs: (user + system) / 1000 }));
