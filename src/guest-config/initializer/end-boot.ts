import type { NicReport } from "../network/report.ts";
import { pushConsole } from "./console-url.ts";
import { endUnfinished } from "./final-marker.ts";
import type { Host } from "./host.ts";
import { type Journal, oneLine } from "./journal.ts";
import type { SourceResult } from "./source-result.ts";
import type { Status } from "./status.ts";
import { readPeakKiB, readUsage } from "./usage.ts";
import { writeStatus } from "./write-status.ts";

export interface BootResult {
  readonly source: SourceResult;
  readonly instanceId: string;
  readonly hostname: string | undefined;
  readonly nics: readonly NicReport[];
  /** Something is left to do when the services run. */
  readonly hasFinalStage: boolean;
  readonly startedMs: number;
  readonly networkUpMs: number;
  /** Processor time that went into host keys. */
  readonly keysMs: number;
}

/** Writes the status, and the line that whoever follows the console waits for. */
export function endBoot(host: Host, journal: Journal, result: BootResult): void {
  journal.endStage();
  const { source, hostname, nics, keysMs } = result;
  const { phases, errors, stages } = journal;
  const { ownMs, childrenMs, uptimeSeconds } = readUsage(host);
  const totalMs = Math.round(host.nowMs() - result.startedMs);
  const cpuMs = ownMs + childrenMs - keysMs;
  const status: Status = {
    version: 1,
    status: result.hasFinalStage ? "running" : errors.length === 0 ? "done" : "degraded",
    source: source.name,
    datasource: source.datasource,
    place: source.found.place,
    instanceId: result.instanceId || undefined,
    hostname,
    nics,
    stages,
    phases,
    errors,
    totalMs,
    networkUpMs: result.networkUpMs,
    peakKiB: readPeakKiB(host),
    cpuMs,
    hostKeysCpuMs: keysMs,
    uptimeSeconds,
  };
  journal.phase("status", () => ({ value: writeStatus(host, status) }));
  journal.phase("status", () => ({ value: endUnfinished(host, result.hasFinalStage) }));
  const summary = nics.map(({ name, method, addresses }) => [name, method, ...addresses].join(":")).join(",");
  const words = [
    `source=${source.name}`,
    `instance=${oneLine(result.instanceId).replaceAll(" ", "_") || "none"}`,
    `nics=${summary || "none"}`,
    `total=${totalMs} ms network=${result.networkUpMs} ms cpu=${cpuMs} ms uptime=${uptimeSeconds}`,
  ];
  journal.line(`cloudimg-init: ready: ${words.join(" ")}`);
  pushConsole(host, "ready");
}

/** It was told to leave the instance alone. */
export function endDisabled(host: Host, journal: Journal, why: string): void {
  journal.endStage();
  journal.phase("status", () => ({ value: endUnfinished(host, false) }));
  const { stages, phases, errors } = journal;
  journal.phase("status", () => ({
    value: writeStatus(host, { version: 1, status: "disabled", place: why, nics: [], stages, phases, errors }),
  }));
  journal.line(`cloudimg-init: ready: source=disabled instance=none nics=none: ${oneLine(why)}`);
}
