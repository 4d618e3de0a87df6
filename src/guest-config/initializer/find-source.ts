import type { Datasource, Found } from "../sources/datasource.ts";
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

/** The first of these sources that finds something. A defect in one of them must not hide the others. */
export function findSource(
  host: Host,
  signs: MachineSigns,
  sources: readonly Datasource[],
  problem: (text: string) => void,
): SourceResult | undefined {
  for (const source of sources) {
    let found: Found | undefined;
    try {
      found = source.find(host, signs);
    } catch (error) {
      problem(`${source.name}: ${(error as Error).message}`);
    }
    if (found === undefined) continue;
    for (const text of found.problems) problem(text);
    return { name: source.name, datasource: source.cloudInitName, found };
  }
  return undefined;
}

/** For the console: `config-drive on /dev/sr0, instance i-1`. */
export function describeSource({ name, found }: SourceResult): string {
  const instance = found.instanceId === undefined ? "" : `, instance ${found.instanceId}`;
  return `${name} on ${found.place}${instance}`;
}
