import type { Host } from "../../../src/guest-config/initializer/host.ts";
import type { Task } from "../../../src/guest-config/user-data/module.ts";

/** What a module is given; its problems are collected. */
export function someTask(host: Host): { task: Task; problems: string[] } {
  const problems: string[] = [];
  const instance = {
    ...{
      instanceId: "i-1",
      isNew: true,
      source: "NoCloud",
      publicKeys: [],
      authorizedKeys: {},
      vendorData: [],
      metadata: {},
    },
  };
  return { task: { host, instance, directory: "/run/instance", problem: (text) => problems.push(text) }, problems };
}
