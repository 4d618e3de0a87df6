import { asObject, asTexts, type JsonObject } from "../initializer/json-values.ts";
import type { Module, Task } from "./module.ts";
import { commandFor, runLogged, scriptEnvironment } from "./run-logged.ts";

const eachLimitMs = 10 * 60_000;
const totalLimitMs = 30 * 60_000;

/** Where scripts are that the image or another program put there, as cloud-init has it. */
const ofThisDisk = "/var/lib/cloud/scripts";

/** How long all scripts of a boot may still take, together. */
interface Budget {
  leftMs: number;
}

/** By module: where its scripts are, the instance's files being in `directory`. */
const placeOf: Readonly<Record<string, (directory: string) => string>> = {
  scripts_vendor: (directory) => `${directory}/scripts/vendor`,
  scripts_per_once: () => `${ofThisDisk}/per-once`,
  scripts_per_boot: () => `${ofThisDisk}/per-boot`,
  scripts_per_instance: () => `${ofThisDisk}/per-instance`,
  scripts_user: (directory) => `${directory}/scripts`,
};

/** cloud-init's modules that run scripts, in its order. They share the time that there is. */
export function scriptModules(limits = { eachMs: eachLimitMs, totalMs: totalLimitMs }): readonly Module[] {
  const budget: Budget = { leftMs: limits.totalMs };
  return Object.keys(placeOf).map((name) => ({
    name,
    keys: [],
    isAlwaysRun: true,
    stage: "final",
    frequency: name === "scripts_per_once" ? "once" : name === "scripts_per_boot" ? "always" : "instance",
    run(config, task) {
      const paths = scriptsOf(name, task);
      const prefix = name === "scripts_vendor" ? vendorPrefix(config) : [];
      const good = paths.filter((path) => runScript(path, prefix, task, budget, limits.eachMs));
      return paths.length === 0 ? undefined : `${good.length} of ${paths.length} run`;
    },
  }));
}

/** What a module of these would run: files that may be executed, by name. */
export function scriptsOf(name: string, { host, directory }: Pick<Task, "host" | "directory">): string[] {
  const place = placeOf[name]?.(directory);
  if (place === undefined) return [];
  const paths = host.list(place).map((file) => `${place}/${file}`);
  return paths.filter((path) => {
    const found = host.attributes(path);
    return found?.kind === "link" || (found?.kind === "file" && (found.mode & 0o111) !== 0);
  });
}

function runScript(path: string, prefix: readonly string[], task: Task, budget: Budget, eachMs: number): boolean {
  const { host, instance, problem } = task;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (budget.leftMs <= 0) {
    problem(`${name} was not run: the scripts before it took all the time`);
    return false;
  }
  const startedMs = host.nowMs();
  const argv = [...prefix, ...commandFor(host, path)];
  const command = { argv, environment: scriptEnvironment(instance.instanceId), directory: "/" };
  const failure = runLogged(host, command, Math.min(eachMs, budget.leftMs));
  budget.leftMs -= host.nowMs() - startedMs;
  if (failure !== undefined) problem(`${name} ${failure}`);
  return failure === undefined;
}

/** `vendor_data: {prefix: [/usr/bin/ltrace]}`: what vendor scripts are started by. */
function vendorPrefix(config: JsonObject): string[] {
  return asTexts(asObject(config["vendor_data"])?.["prefix"]);
}
