import type { Host } from "../initializer/host.ts";
import type { Module } from "./module.ts";
import { tryWrite } from "./store.ts";

/** Which modules have done their work already. The files are cloud-init's, so that removing one has the same effect: the module runs again. */
export interface Markers {
  has(module: Module): boolean;
  set(module: Module): void;
}

const ofThisDisk = "/var/lib/cloud/sem";

/** @param directory the instance's */
export function markersIn(host: Host, directory: string, problem: (text: string) => void): Markers {
  const pathOf = ({ name, frequency }: Module) =>
    frequency === "once" ? `${ofThisDisk}/config_${name}.once` : `${directory}/sem/config_${name}`;
  return {
    has: (module) => module.frequency !== "always" && host.attributes(pathOf(module)) !== undefined,
    set(module) {
      if (module.frequency !== "always") tryWrite(host, pathOf(module), `${host.clockMs()}\n`, 0o644, problem);
    },
  };
}
