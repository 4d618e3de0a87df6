import type { Host } from "./host.ts";
import { readStatus, type Status } from "./status.ts";

/** Exit codes as `cloud-init status` has them: 0 done or disabled, 1 failed or never run, 2 done with errors. */
export interface StatusAnswer {
  readonly text: string;
  readonly exitCode: 0 | 1 | 2;
}

/** Scripts of user data may run this long and more; who waits for them knows what he waits for. */
const waitLimitMs = 3_600_000;
/** A boot that has not begun by then never will: the initializer is not part of it. */
const beginLimitMs = 60_000;

export function showStatus(
  host: Host,
  options: { readonly wait: boolean; readonly format: "text" | "json" | "long" },
): StatusAnswer {
  const startMs = host.nowMs();
  let status = readStatus(host);
  while (options.wait && (status === undefined || status.status === "running")) {
    if (host.nowMs() - startMs >= (status === undefined ? beginLimitMs : waitLimitMs)) break;
    host.sleepMs(200);
    status = readStatus(host);
  }
  if (status === undefined)
    return { text: options.format === "json" ? '{"status":"not run"}\n' : "status: not run\n", exitCode: 1 };
  const exitCode = status.status === "error" ? 1 : status.status === "degraded" ? 2 : 0;
  return { text: options.format === "json" ? forPrograms(status) : forPeople(status), exitCode };
}

/**
 * Ours, with the members that callers of `cloud-init status --format json` read. Errors there are those that end cloud-init; what is degraded has recoverable ones.
 */
function forPrograms(status: Status): string {
  const { errors, place, source } = status;
  const isDegraded = status.status === "degraded";
  const more = {
    boot_status_code: status.status === "disabled" ? "disabled-by-kernel-command-line" : "enabled-by-sysvinit",
    datasource: (status.datasource ?? "").toLowerCase(),
    detail: place || source || "",
    errors: isDegraded ? [] : errors,
    extended_status: isDegraded ? "degraded done" : status.status,
    recoverable_errors: isDegraded ? { WARNING: errors } : {},
    stage: status.stages?.find(({ endMs }) => endMs === undefined)?.name ?? null,
  };
  return `${JSON.stringify({ ...status, ...more }, undefined, 2)}\n`;
}

function forPeople(status: Status): string {
  const stage = status.stages?.at(-1)?.name;
  const lines = [
    `status: ${status.status}`,
    ...(stage === undefined || status.status !== "running" ? [] : [`stage: ${stage}`]),
    ...(status.source === undefined ? [] : [`source: ${status.source}${status.place ? ` (${status.place})` : ""}`]),
    ...(status.instanceId === undefined ? [] : [`instance: ${status.instanceId}`]),
    ...(status.hostname === undefined ? [] : [`hostname: ${status.hostname}`]),
    ...status.nics.map(({ name, method, addresses }) => `nic: ${[name, method, ...addresses].join(" ")}`),
    ...Object.entries(status.phases).map(([phase, ms]) => `phase: ${phase} ${ms} ms`),
    ...status.errors.map((error) => `error: ${error}`),
  ];
  return `${lines.join("\n")}\n`;
}
