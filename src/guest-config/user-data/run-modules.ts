import type { Host } from "../initializer/host.ts";
import type { Instance } from "../initializer/instance.ts";
import type { JsonObject } from "../initializer/json-values.ts";
import type { Report } from "../initializer/report.ts";
import { markersIn } from "./markers.ts";
import type { Module } from "./module.ts";

export interface ModuleContext {
  readonly host: Host;
  readonly instance: Instance;
  /** The instance's files. */
  readonly directory: string;
  readonly report: Report;
}

/** Runs the modules of a stage that have something to do, in their order. One that fails is reported, and the next one runs. */
export function runModules(
  modules: readonly Module[],
  stages: readonly Module["stage"][],
  config: JsonObject,
  { host, instance, directory, report }: ModuleContext,
): void {
  // In /run it has been told already that nothing lasts.
  let isReported = directory.startsWith("/run/");
  const markers = markersIn(host, directory, (text) => {
    if (!isReported) report.problem("user data", `${text}: modules may run again at the next boot`);
    isReported = true;
  });
  for (const module of modules) {
    if (!stages.includes(module.stage) || !hasWork(module, config) || markers.has(module)) continue;
    // A script that restarts the machine must not do so again and again; what comes before the services is whole only when it has been done.
    const isMarkedFirst = module.stage === "final";
    if (isMarkedFirst) markers.set(module);
    const startedMs = host.nowMs();
    let said: string | undefined;
    const problem = (text: string) => report.problem(module.name, text);
    try {
      said = module.run(config, { host, instance, directory, problem });
    } catch (error) {
      problem(error instanceof Error ? error.message : String(error));
    }
    if (said !== undefined) report.said(module.name, `${said} (${Math.round(host.nowMs() - startedMs)} ms)`);
    if (!isMarkedFirst) markers.set(module);
  }
}

/** A key whose value is null is as good as none. */
export function hasWork(module: Module, config: JsonObject): boolean {
  return module.isAlwaysRun === true || module.keys.some((key) => (config[key] ?? null) !== null);
}
