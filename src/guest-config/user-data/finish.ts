import type { Host } from "../initializer/host.ts";
import type { Report } from "../initializer/report.ts";
import { takeFinalState } from "./final-state.ts";
import { limitedReport } from "./limited-report.ts";
import { modules } from "./modules.ts";
import { runModules } from "./run-modules.ts";

/** See Parts. */
export function finish(host: Host, report: Report): void {
  const limited = limitedReport(report);
  try {
    const state = takeFinalState(host);
    if (state !== undefined) runModules(modules, ["final"], state.config, { host, report: limited, ...state });
  } catch (error) {
    report.problem("final", error instanceof Error ? error.message : String(error));
  }
  limited.tellRest();
}
