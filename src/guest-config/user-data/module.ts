import type { Host } from "../initializer/host.ts";
import type { Instance } from "../initializer/instance.ts";
import type { JsonObject } from "../initializer/json-values.ts";

/**
 * What obeys some keys of cloud-config. Adding one: a file of its own, a line in modules.ts, a call of the contract suite.
 */
export interface Module {
  /** As cloud-init calls it, for its marker files: `users_groups`. */
  readonly name: string;
  /** Keys of cloud-config that it reads; it is skipped if none is there, unless `isAlwaysRun`. */
  readonly keys: readonly string[];
  readonly isAlwaysRun?: boolean | undefined;
  /** `early` and `config` come before the services start, `final` after. */
  readonly stage: "early" | "config" | "final";
  /** `instance`: once for each instance-id. `once`: once in the life of the disk. */
  readonly frequency: "always" | "instance" | "once";
  /**
   * Obeys. What it cannot do it tells `task.problem` and goes on with the rest; may throw an Error, which counts as a problem.
   *
   * @returns a few words on what was done, for the console; undefined if nothing was
   */
  run(config: JsonObject, task: Task): string | undefined;
}

export interface Task {
  readonly host: Host;
  readonly instance: Instance;
  /** Where files of this instance are kept: instanceDirectory, or a place in /run if the disk takes none. */
  readonly directory: string;
  /** Something could not be done as told: the instance is `degraded`. */
  problem(text: string): void;
}
