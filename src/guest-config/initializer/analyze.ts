import type { Host } from "./host.ts";
import { readStatus } from "./status.ts";
import type { VerbResult } from "./verb-result.ts";

/** `analyze show`: stages and phases in order; `analyze blame`: phases, the longest first. */
export function analyze(host: Host, args: readonly string[]): VerbResult {
  const [how = "show", ...more] = args;
  if (more.length > 0 || (how !== "show" && how !== "blame")) return { isMisused: true };
  const status = readStatus(host);
  if (status === undefined) return { error: "there is no status: the instance has not been configured yet" };
  const phases = Object.entries(status.phases);
  if (how === "blame") phases.sort(([, a], [, b]) => b - a);
  const lines = phases.map(([name, ms]) => `${String(ms).padStart(8)} ms  ${name}`);
  if (how === "show")
    for (const { name, startMs, endMs, errors } of status.stages ?? []) {
      const took = endMs === undefined ? "running" : `${Math.round(endMs - startMs)} ms`;
      lines.push(`${took.padStart(11)}  stage ${name}${errors.length === 0 ? "" : `, ${errors.length} failed`}`);
    }
  if (how === "show" && status.totalMs !== undefined)
    lines.push(`${String(status.totalMs).padStart(8)} ms  in all, ${status.cpuMs} ms of processor time`);
  return { text: `${lines.join("\n")}\n` };
}
