import type { NicReport } from "../network/report.ts";
import type { MachineSigns } from "../sources/signs.ts";
import type { Process } from "./host.ts";
import type { Journal } from "./journal.ts";
import type { LastInstance } from "./last-instance.ts";
import type { SourceResult } from "./source-result.ts";

/** What is known when the network is up. */
export interface BootState {
  readonly journal: Journal;
  readonly startedMs: number;
  readonly networkUpMs: number;
  readonly signs: MachineSigns;
  readonly last: LastInstance | undefined;
  readonly source: SourceResult;
  /** A source has said in this boot who this is, or what its network is. */
  readonly isTold: boolean;
  /** What the source says, and what it has said before. */
  readonly told: LastInstance;
  /** Short form. */
  readonly hostname: string | undefined;
  readonly nics: readonly NicReport[];
  /** Host keys that are being made. */
  readonly keys: readonly Process[];
}
