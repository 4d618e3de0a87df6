import type { JsonObject } from "../initializer/json-values.ts";
import type { Task } from "../user-data/module.ts";
import { makeFileSystems } from "./make-file-systems.ts";
import { partitionDisks } from "./partition-disks.ts";

/** See Parts. */
export function setUpDisks(config: JsonObject, task: Task): string | undefined {
  const said = [...partitionDisks(config, task), ...makeFileSystems(config, task)];
  return said.length === 0 ? undefined : said.join(", ");
}
