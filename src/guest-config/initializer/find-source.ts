import type { Datasource, Found } from "../sources/datasource.ts";
import { mergeFound } from "../sources/merge-found.ts";
import type { MachineSigns } from "../sources/signs.ts";
import type { Host } from "./host.ts";
import { longestInstanceId, type SourceResult } from "./source-result.ts";

interface Search {
  readonly signs: MachineSigns;
  readonly sources: readonly Datasource[];
  /** What has been found before, and is not enough. */
  readonly before?: SourceResult | undefined;
  readonly problem: (text: string) => void;
  readonly tell: (text: string) => void;
}

/**
 * The first of these sources that says who this is, together with what others had to say before. If none does: what is broken or a part only, or what was there
 * before. A defect in one source must not hide the others.
 */
export function findSource(host: Host, { signs, sources, before, problem, tell }: Search): SourceResult | undefined {
  let best = before;
  for (const { name, cloudInitName: datasource, find } of sources) {
    let found: Found | undefined;
    try {
      found = find(host, signs, tell);
    } catch (error) {
      problem(`${name}: ${(error as Error).message}`);
    }
    if (found === undefined) continue;
    if ((found.instanceId?.length ?? 0) > longestInstanceId) {
      problem(`${name}: the instance's id is longer than ${longestInstanceId} characters`);
      found = { ...found, instanceId: undefined, isBroken: true };
    }
    for (const text of found.problems) problem(text);
    if (found.isBroken === true && best !== undefined) continue;
    const isDecided = found.isBroken !== true && found.asksOn !== true;
    const merged = best?.found.asksOn === true ? mergeFound(best.found, found) : found;
    best = { name, datasource, found: merged, isDecided };
    if (isDecided) return best;
  }
  return best;
}
