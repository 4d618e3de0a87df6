import { applyAuthorizedKeys } from "./authorized-keys.ts";
import { pushConsole } from "./console-url.ts";
import { takeFinalMarker, type Unfinished } from "./final-marker.ts";
import type { Host } from "./host.ts";
import { Journal } from "./journal.ts";
import { loadPart } from "./parts.ts";
import { readStatus } from "./status.ts";
import { writeFailure, writeStatus } from "./write-status.ts";

const servicesLimitMs = 5000;
/** User data may turn the machine off next. */
const pushingLimitMs = 3000;

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
  const left = takeFinalMarker(host);
  if (left === undefined || status === undefined) return;
  if (left !== "final") {
    if (status.status === "running") standIn(host, left);
    return;
  }
  const startedMs = host.nowMs();
  const journal = new Journal(host);
  waitForServices(host);
  journal.stage("modules-final");
  journal.phase("user scripts", () => ({ value: loadPart(host, "userData").finish(host, journal) }));
  journal.endStage();
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
  pushConsole(host, "finished", pushingLimitMs);
}

/** init has ended the boot stage, which had taken all its time: somebody must be able to log in and see why. */
function standIn(host: Host, { keys }: Unfinished): void {
  const journal = new Journal(host);
  journal.problem("boot", "it took too long and was ended: what user data and the source want is done in part");
  journal.phase("access", (problem) => {
    const { added, problems } = applyAuthorizedKeys(host, keys);
    for (const text of problems) problem(text);
    return { said: `keys for ${added.join(", ") || "nobody"}`, value: undefined };
  });
  writeFailure(host, journal.errors.join("; "));
  journal.line("cloudimg-init: ready: source=unknown instance=none nics=none: was ended before it was done");
  pushConsole(host, "was ended before it was done", pushingLimitMs);
}
