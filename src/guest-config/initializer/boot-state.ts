import type { NicReport } from "../network/report.ts";
import type { MachineSigns } from "../sources/signs.ts";
import type { SourceResult } from "./find-source.ts";
import type { Process } from "./host.ts";
import type { Journal } from "./journal.ts";
import type { LastInstance } from "./last-instance.ts";

/** What is known when the network is up. */
export interface BootState {
  readonly journal: Journal;
  readonly startedMs: number;
  readonly networkUpMs: number;
  readonly signs: MachineSigns;
  readonly last: LastInstance | undefined;
  readonly source: SourceResult;
  /** The source has been read in full in this boot. */
  readonly isTold: boolean;
  /** What the source says, and what it has said before. */
  readonly told: LastInstance;
  /** Short form. */
  readonly hostname: string | undefined;
  readonly nics: readonly NicReport[];
  /** Host keys that are being made. */
  readonly keys: readonly Process[];
}
