import type { Host } from "./host.ts";
import { Journal } from "./journal.ts";
import { loadPart } from "./parts.ts";
import { readStatus } from "./status.ts";
import { writeStatus } from "./write-status.ts";

/** Is there when something is left to do once the services run; init looks for it. */
export const finalMarker = "/run/cloudimg/final";

/** The last stage: what user data wants done when the services run. */
export function final(host: Host): void {
  const status = readStatus(host);
  if (status === undefined || host.readText(finalMarker) === undefined) return;
  const startedMs = host.nowMs();
  const journal = new Journal(host);
  journal.stage("modules-final");
  journal.phase("user scripts", () => ({ value: loadPart(host, "userData").finish(host, journal) }));
  journal.endStage();
  host.remove(finalMarker);
  const errors = [...status.errors, ...journal.errors];
  const result = errors.length === 0 ? "done" : "degraded";
  writeStatus(host, {
    ...status,
    status: result,
    stages: [...(status.stages ?? []), ...journal.stages],
    phases: { ...status.phases, ...journal.phases },
    errors,
  });
  journal.line(`cloudimg-init: finished: status=${result} final=${Math.round(host.nowMs() - startedMs)} ms`);
}
