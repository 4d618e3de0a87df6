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

/** cloud-init's modules that run scripts, in its order. They share the time that there is. */
export function scriptModules(limits = { eachMs: eachLimitMs, totalMs: totalLimitMs }): readonly Module[] {
  const budget: Budget = { leftMs: limits.totalMs };
  const module = (name: string, frequency: Module["frequency"], place: (task: Task) => string): Module => ({
    name,
    keys: [],
    isAlwaysRun: true,
    stage: "final",
    frequency,
    run(config, task) {
      const paths = scriptsIn(task, place(task));
      const prefix = name === "scripts_vendor" ? vendorPrefix(config) : [];
      const good = paths.filter((path) => runScript(path, prefix, task, budget, limits.eachMs));
      return paths.length === 0 ? undefined : `${good.length} of ${paths.length} run`;
    },
  });
  return [
    module("scripts_vendor", "instance", (task) => `${task.directory}/scripts/vendor`),
    module("scripts_per_once", "once", () => `${ofThisDisk}/per-once`),
    module("scripts_per_boot", "always", () => `${ofThisDisk}/per-boot`),
    module("scripts_per_instance", "instance", () => `${ofThisDisk}/per-instance`),
    module("scripts_user", "instance", (task) => `${task.directory}/scripts`),
  ];
}

/** Files that may be executed, by name. */
export function scriptsIn({ host }: Pick<Task, "host">, directory: string): string[] {
  return host
    .list(directory)
    .map((name) => `${directory}/${name}`)
    .filter((path) => {
      const found = host.attributes(path);
      return found?.kind === "link" || (found?.kind === "file" && (found.mode & 0o111) !== 0);
    });
}

/** Whether anything is to be run after the services have started. */
export function hasScripts(task: Pick<Task, "host" | "directory">): boolean {
  const places = [`${task.directory}/scripts/vendor`, `${task.directory}/scripts`];
  const all = [...places, ...["per-once", "per-boot", "per-instance"].map((name) => `${ofThisDisk}/${name}`)];
  return all.some((place) => scriptsIn(task, place).length > 0);
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
