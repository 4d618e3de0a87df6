import type { Host } from "./host.ts";
import { Journal } from "./journal.ts";
import { loadPart } from "./parts.ts";
import { readStatus } from "./status.ts";
import { writeStatus } from "./write-status.ts";

/** Is there when something is left to do once the services run; init looks for it. */
export const finalMarker = "/run/cloudimg/final";

const servicesLimitMs = 5000;

/** init starts us and the services at the same time. Each has a pipe for its log when it is about to start. */
function waitForServices(host: Host): void {
  const deadlineMs = host.nowMs() + servicesLimitMs;
  const names = host.list("/etc/cloudimg/services");
  while (host.nowMs() < deadlineMs) {
    const started = host.list("/run/services");
    if (names.every((name) => started.includes(name))) return;
    host.sleepMs(50);
  }
}

/** The last stage: what user data wants done when the services run. */
export function final(host: Host): void {
  const status = readStatus(host);
  if (status === undefined || host.readText(finalMarker) === undefined) return;
  const startedMs = host.nowMs();
  const journal = new Journal(host);
  waitForServices(host);
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
