import type { NicReport } from "../network/network.ts";
import type { Host } from "./host.ts";

const statusPath = "/run/cloudimg/status.json";

/** What /run/cloudimg/status.json holds, for programs that wait for the instance or want to know how it went. */
export interface Status {
  readonly version: 1;
  /** `degraded`: the instance runs, with less than it was told. `error`: the initializer itself failed. The file appears when it is done. */
  readonly status: "done" | "degraded" | "error";
  readonly source?: string | undefined;
  readonly place?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly hostname?: string | undefined;
  readonly nics: readonly NicReport[];
  /** Milliseconds of each phase, by name. */
  readonly phases: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
  readonly totalMs?: number | undefined;
  /** Processor time of the initializer and of all it started and waited for, but for the making of host keys. */
  readonly cpuMs?: number | undefined;
  readonly hostKeysCpuMs?: number | undefined;
  /** Since the kernel started, when the initializer was done. */
  readonly uptimeSeconds?: number | undefined;
}

export function writeStatus(host: Host, status: Status): void {
  host.makeDirectory("/run/cloudimg", 0o755);
  host.writeFile(statusPath, `${JSON.stringify(status, undefined, 2)}\n`, 0o644);
}

/** The initializer itself has failed: a defect of ours. */
export function writeFailure(host: Host, reason: string): void {
  try {
    writeStatus(host, { version: 1, status: "error", nics: [], phases: {}, errors: [reason] });
  } catch {
    // The console has said it already.
  }
}

/** Exit codes as `cloud-init status` has them: 0 done, 1 failed or never run, 2 done with errors. */
export interface StatusAnswer {
  readonly text: string;
  readonly exitCode: 0 | 1 | 2;
}

const waitLimitMs = 60_000;

export function showStatus(host: Host, options: { wait: boolean; json: boolean }): StatusAnswer {
  const deadlineMs = host.nowMs() + waitLimitMs;
  let text = host.readText(statusPath);
  while (options.wait && text === undefined && host.nowMs() < deadlineMs) {
    host.sleepMs(200);
    text = host.readText(statusPath);
  }
  const status = text === undefined ? undefined : parse(text);
  if (text === undefined || status === undefined)
    return { text: options.json ? '{"status":"not run"}\n' : "status: not run\n", exitCode: 1 };
  const exitCode = status.status === "done" ? 0 : status.status === "degraded" ? 2 : 1;
  return { text: options.json ? text : forPeople(status), exitCode };
}

function forPeople(status: Status): string {
  const lines = [
    `status: ${status.status}`,
    ...(status.source === undefined ? [] : [`source: ${status.source}${status.place ? ` (${status.place})` : ""}`]),
    ...(status.instanceId === undefined ? [] : [`instance: ${status.instanceId}`]),
    ...status.nics.map(({ name, method, addresses }) => `nic: ${[name, method, ...addresses].join(" ")}`),
    ...Object.entries(status.phases).map(([phase, ms]) => `phase: ${phase} ${ms} ms`),
    ...status.errors.map((error) => `error: ${error}`),
  ];
  return `${lines.join("\n")}\n`;
}

function parse(text: string): Status | undefined {
  try {
    return JSON.parse(text) as Status;
  } catch {
    return undefined;
  }
}
