import { isProtected, planGpt } from "./gpt.ts";
import { planMbr } from "./mbr.ts";
import type { Refusal, Sectors, TablePlan, Wanted } from "./sectors.ts";

/** How a partition becomes as large as its disk allows. No writes: it is, and its table is whole. Pure but for reading. */
export function planTable(disk: Sectors, wanted: Wanted): TablePlan | Refusal {
  const sector = disk.read(0, 1);
  if (sector === undefined) return { reason: "its disk cannot be read", isProblem: true };
  return isProtected(sector) ? planGpt(sector, disk, wanted) : planMbr(sector, disk, wanted);
}
