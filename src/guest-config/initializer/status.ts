import type { NicReport } from "../network/report.ts";
import type { Host } from "./host.ts";

export const statusPath = "/run/cloudimg/status.json";

/** What /run/cloudimg/status.json holds, for programs that wait for the instance or want to know how it went. */
export interface Status {
  readonly version: 1;
  /**
   * `running` until all is done, user scripts too. `degraded`: the instance runs, with less than it was told. `error`: the initializer itself failed. `disabled`: it was told to do nothing.
   */
  readonly status: "running" | "done" | "degraded" | "error" | "disabled";
  readonly source?: string | undefined;
  /** As cloud-init names the source: `ConfigDrive`, `None`. */
  readonly datasource?: string | undefined;
  readonly place?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly hostname?: string | undefined;
  readonly nics: readonly NicReport[];
  /** In the order in which they began. */
  readonly stages?: readonly StageStatus[] | undefined;
  /** Milliseconds of each phase, by name. */
  readonly phases: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
  readonly totalMs?: number | undefined;
  /** From the start of the program, interpreter and all, until the network was up. */
  readonly networkUpMs?: number | undefined;
  /** The most memory that the initializer itself has had resident. */
  readonly peakKiB?: number | undefined;
  /** Processor time of the initializer and of all it started and waited for, but for the making of host keys. */
  readonly cpuMs?: number | undefined;
  readonly hostKeysCpuMs?: number | undefined;
  /** Since the kernel started, when the initializer was done. */
  readonly uptimeSeconds?: number | undefined;
}

/** Stages as cloud-init's status file names them. */
export const stageNames = ["init-local", "init", "modules-config", "modules-final"] as const;

export interface StageStatus {
  readonly name: (typeof stageNames)[number];
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs?: number | undefined;
  readonly errors: readonly string[];
}

export function readStatus(host: Host): Status | undefined {
  try {
    return JSON.parse(host.readText(statusPath) ?? "") as Status;
  } catch {
    return undefined;
  }
}
