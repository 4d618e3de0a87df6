import type { Datasource, Found } from "../sources/datasource.ts";
import type { Detection } from "../sources/detect.ts";
import { mergeFound } from "../sources/merge-found.ts";
import type { MachineSigns } from "../sources/signs.ts";
import type { Host } from "./host.ts";

export interface SourceResult {
  /** As the console names it; `none`. */
  readonly name: string;
  /** As cloud-init names it; `None`. */
  readonly datasource: string;
  readonly found: Found;
}

export const noSource: SourceResult = {
  name: "none",
  datasource: "None",
  found: { place: "", authorizedKeys: {}, problems: [] },
};

/** The first of these sources that finds something; what is broken counts only if nothing else is there. A defect in one of them must not hide the others. */
export function findSource(
  host: Host,
  signs: MachineSigns,
  sources: readonly Datasource[],
  problem: (text: string) => void,
): SourceResult | undefined {
  let broken: SourceResult | undefined;
  for (const source of sources) {
    let found: Found | undefined;
    try {
      found = source.find(host, signs);
    } catch (error) {
      problem(`${source.name}: ${(error as Error).message}`);
    }
    if (found === undefined) continue;
    for (const text of found.problems) problem(text);
    const result = { name: source.name, datasource: source.cloudInitName, found };
    if (found.isBroken !== true) return result;
    broken ??= result;
  }
  return broken;
}

/** Sources that are to be asked over the network, by cloud-init's names: a good drive needs no company, unless it says so. */
export function namesToAsk(local: SourceResult | undefined, { network, fallback }: Detection): readonly string[] {
  if (local !== undefined && local.found.isBroken !== true && local.found.asksOn !== true) return [];
  // A seed on a drive may name an URL.
  const own = local?.found.asksOn === true && local.datasource === "NoCloud" ? [local.datasource] : [];
  return [...new Set([...own, ...network, ...fallback])];
}

/** What a source of the machine and one of the network say together. */
export function joinSources(local: SourceResult | undefined, answer: SourceResult): SourceResult {
  return local?.found.asksOn === true ? { ...answer, found: mergeFound(local.found, answer.found) } : answer;
}

/** For the console: `config-drive on /dev/sr0, instance i-1`. */
export function describeSource({ name, found }: SourceResult): string {
  const instance = found.instanceId === undefined ? "" : `, instance ${found.instanceId}`;
  return `${name} on ${found.place}${instance}`;
}
